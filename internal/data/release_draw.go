package data

// releaseDrawer draws what the release's validation loop draws. It holds the
// generators of the workers as they are before the draw at (pass, at), so it
// needs no more memory for a long list than for a short one.
type releaseDrawer struct {
	index   *Index
	shots   int
	seed    uint64
	workers int

	torch  *torchRandom    // gave the base seeds of the passes up to this one
	python []*pythonRandom // one a worker; without workers the only one
	pass   int             // −1: nothing is drawn yet
	at     int             // place in index.Images of the next draw
}

// NewReleaseDrawer draws the episodes that the released PyTorch code scores: those
// of its dataset class behind a DataLoader of batch size 1 with `workers` worker
// processes, in list order, after setup_seed(seed).
//
// Pass p over the list has a base seed, the p-th torchRandom.Int63 of the seed.
// Worker w starts the pass with pythonRandom(base seed + w) and serves the images
// w, w+workers, …. Without workers one pythonRandom(seed) serves all images and
// goes on from pass to pass. An episode takes, in this order,
//
//   - its class: RandInt(1,n)-th of the n classes of the split that the query
//     shows, ascending;
//   - for every shot, of the N images of the class, one RandInt(1,N) that is
//     thrown away, and RandInt(1,N) again until the image is neither the query
//     nor taken.
//
// Every epoch has the same episodes, as every validation of the release has.
// Positions that are skipped cost the time of their draws, with workers only those
// of the last pass. The index must pass Check(shots); shots is at least 1, workers 0.
func NewReleaseDrawer(index *Index, shots int, seed uint64, workers int) Drawer {
	return &releaseDrawer{index: index, shots: shots, seed: seed, workers: workers, pass: -1}
}

func (d *releaseDrawer) Draw(_, position int) Draw {
	n := len(d.index.Images)
	pass, at := position/n, position%n
	if d.pass < 0 || pass < d.pass || pass == d.pass && at < d.at {
		d.restart()
	}
	for d.pass < pass {
		if d.workers == 0 {
			for d.at < n {
				d.next()
			}
		}
		d.begin()
	}
	for d.at < at {
		d.next()
	}
	return d.next()
}

// restart goes back to the begin of the first pass.
func (d *releaseDrawer) restart() {
	d.torch = newTorchRandom(d.seed)
	d.python = make([]*pythonRandom, max(1, d.workers))
	for w := range d.python {
		d.python[w] = newPythonRandom(d.seed)
	}
	d.pass = -1
	d.begin()
}

// begin starts the next pass.
func (d *releaseDrawer) begin() {
	base := d.torch.Int63()
	for w := range d.workers {
		d.python[w].Seed(base + uint64(w))
	}
	d.pass, d.at = d.pass+1, 0
}

// next draws the episode of the image at d.at.
func (d *releaseDrawer) next() Draw {
	rng := d.python[d.at%len(d.python)]
	draw := Draw{Query: d.index.Images[d.at], Supports: make([]int, 0, d.shots)}
	present := d.index.Present[d.at]
	draw.Class = present[rng.RandInt(1, len(present))-1]
	images := d.index.ByClass[draw.Class]
	taken := func(image int) bool {
		if image == draw.Query {
			return true
		}
		for _, s := range draw.Supports {
			if s == image {
				return true
			}
		}
		return false
	}
	for range d.shots {
		rng.RandInt(1, len(images))
		image := images[rng.RandInt(1, len(images))-1]
		for taken(image) {
			image = images[rng.RandInt(1, len(images))-1]
		}
		draw.Supports = append(draw.Supports, image)
	}
	d.at++
	return draw
}
