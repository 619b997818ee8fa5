//go:build cuda

package cuda

// gpuBlocks is how many blocks keep a GPU busy: two on each of about 128 multiprocessors, of which
// an RTX 4090 has 128, an H200 132, an A100 108. It is no attribute of this GPU, because sums are cut
// into parts by it: with one number for all, every GPU gives the same bits.
const gpuBlocks = 256

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

const leastTerms = 512 // of a part of a sum, so that it is worth its launch

// splitSum cuts a sum of terms into parts, where there are too few blocks without: count
// parts of length terms, the last one shorter.
func splitSum(terms, blocks int) (count, length int) {
	count = max(1, min(gpuBlocks/blocks, terms/leastTerms))
	length = ceil(terms, count)
	return ceil(terms, length), length
}

// chooseSplit is chooseTile for a product whose sum of terms may be cut into parts, as those of
// gradients of weights are, with their few tiles and long sums: the largest tile that makes blocks
// enough together with the parts. A part has length terms.
func chooseSplit(rows, columns, terms int, aligned bool) (tile productTile, blocks, length int) {
	tile, blocks = chooseTile(rows, columns, aligned)
	if aligned {
		for _, t := range productTiles[:len(productTiles)-2] {
			n := t.blocks(rows, columns)
			parts, _ := splitSum(terms, n)
			if n*parts >= gpuBlocks*3/4 && rows > t.rows/2 && columns > t.columns/2 {
				tile, blocks = t, n
				break
			}
		}
	}
	_, length = splitSum(terms, blocks)
	return tile, blocks, length
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
