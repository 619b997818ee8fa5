//go:build cuda

package cuda

// gpuBlocks is about how many blocks keep a GPU busy. It is no attribute of this GPU: the
// order of sums must not depend on it.
const gpuBlocks = 128

// productTile chooses the tile of a product with rows×columns results (kernels/product.cuh)
// and returns the ending of the kernel's name and the number of blocks. The large tile does
// more with what it reads, when there are enough of them. aligned tells that 4 divides every
// extent that is read or written along memory, and every address.
func productTile(rows, columns int, aligned bool) (suffix string, blocks int) {
	large := ceil(rows, 128) * ceil(columns, 128)
	small := ceil(rows, 64) * ceil(columns, 64)
	switch {
	case !aligned:
		return "_any", small
	case large >= gpuBlocks && columns > 64:
		return "_128", large
	}
	return "_64", small
}

// splitSum cuts a sum of terms into parts, where there are too few blocks without: count
// parts of length terms, the last one shorter.
func splitSum(terms, blocks int) (count, length int) {
	const least = 512 // terms, so that a part is worth its launch
	count = max(1, min(gpuBlocks/blocks, terms/least))
	length = ceil(terms, count)
	return ceil(terms, length), length
}

// aligned16 tells whether addresses may be read four floats at a time.
func aligned16(addresses ...pointer) bool {
	for _, a := range addresses {
		if a%16 != 0 {
			return false
		}
	}
	return true
}
