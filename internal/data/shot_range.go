package data

// shotRange takes a part of the supports that its Drawer draws: as many in every batch as
// that batch draws for itself.
type shotRange struct {
	Drawer
	least, most, batch int
	seed               uint64
}

// NewShotRange makes a drawer of at least `most` supports give every batch a number of
// supports of its own, uniform in [least, most]: a pure function of (seed, epoch, place of
// the batch in the whole epoch).
func NewShotRange(d Drawer, least, most, batch int, seed uint64) Drawer {
	return shotRange{d, least, most, batch, seed}
}

func (r shotRange) Draw(epoch, position int) Draw {
	d := r.Drawer.Draw(epoch, position)
	k := r.least + newRand(r.seed, streamShots, uint64(epoch), uint64(position/r.batch)).Intn(r.most-r.least+1)
	d.Supports = d.Supports[:k]
	return d
}
