package data

// Draw says what one episode is made of. Numbers are places in the source.
type Draw struct {
	Query    int
	Class    int
	Supports []int // in the order drawn; the network sees them reversed
}

// Drawer chooses episodes. A loader asks from one goroutine, positions
// ascending within an epoch; after Seek it may start anywhere. The same
// (epoch, position) must always give the same draw.
type Drawer interface {
	Draw(epoch, position int) Draw
}

// drawer draws by counter: every choice is a pure function of (seed, epoch, position).
type drawer struct {
	index *Index
	stage Stage
	shots int
	seed  uint64
	order []int // training: the places in index.Images in the order of pass `pass` of epoch `epoch`
	epoch int
	pass  int
}

// NewDrawer draws by a counter-based generator.
//
// Query: in training, the images of the index in an order shuffled by (seed,
// epoch); in validation, the images in list order. Where an epoch has more
// positions than images the list starts again (in training in another order).
// Class, meta stage: uniform over the split's classes that the query shows.
// Supports: `shots` different images of the class, never the query. The base
// stage has only queries.
//
// The index must pass Check(shots) in the meta stage.
func NewDrawer(index *Index, stage Stage, shots int, seed uint64) Drawer {
	return &drawer{index: index, stage: stage, shots: shots, seed: seed, epoch: -1}
}

func (d *drawer) Draw(epoch, position int) Draw {
	n := len(d.index.Images)
	pass, at := position/n, position%n
	if d.index.Split == Train {
		if d.epoch != epoch || d.pass != pass {
			d.order = newRand(d.seed, streamOrder, uint64(epoch), uint64(pass)).Perm(n)
			d.epoch, d.pass = epoch, pass
		}
		at = d.order[at]
	}
	draw := Draw{Query: d.index.Images[at]}
	if d.stage == Base {
		return draw
	}
	rng := newRand(d.seed, streamDraw, uint64(epoch), uint64(position))
	present := d.index.Present[at]
	draw.Class = present[rng.Intn(len(present))]
	draw.Supports = choose(rng, d.index.ByClass[draw.Class], draw.Query, d.shots)
	return draw
}

// choose picks k different entries of images, none equal to query, in random
// order. images must hold at least k entries besides the query.
func choose(rng *Rand, images []int, query, k int) []int {
	left := make([]int, 0, len(images))
	for _, i := range images {
		if i != query {
			left = append(left, i)
		}
	}
	for j := range k {
		swap := j + rng.Intn(len(left)-j)
		left[j], left[swap] = left[swap], left[j]
	}
	return left[:k:k]
}
