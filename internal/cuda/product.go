//go:build cuda

package cuda

// gpuBlocks is about how many blocks keep a GPU busy. It is no attribute of this GPU: the
// order of sums must not depend on it.
const gpuBlocks = 128

// productTile is the part of a product's result that a block computes; name is the ending
// of the kernel's name.
type productTile struct {
	name          string
	rows, columns int
}

// productTiles are those of kernels/product.cuh, the largest first: it does the most with
// what it reads. The last one reads float by float.
var productTiles = [...]productTile{{"_128", 128, 128}, {"_128x64", 128, 64}, {"_64", 64, 64}, {"_any", 64, 64}}

// blocks is how many tiles a result of rows×columns has.
func (t productTile) blocks(rows, columns int) int {
	return ceil(rows, t.rows) * ceil(columns, t.columns)
}

// chooseTile returns the largest tile that makes blocks enough and wastes few columns, and
// the number of blocks. aligned tells that 4 divides every extent that is read or written
// along memory, and every address.
func chooseTile(rows, columns int, aligned bool) (productTile, int) {
	small, single := productTiles[len(productTiles)-2], productTiles[len(productTiles)-1]
	if !aligned {
		return single, single.blocks(rows, columns)
	}
	for _, t := range productTiles[:len(productTiles)-2] {
		if n := t.blocks(rows, columns); n >= gpuBlocks && columns > t.columns/2 {
			return t, n
		}
	}
	return small, small.blocks(rows, columns)
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
