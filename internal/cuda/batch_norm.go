//go:build cuda

package cuda

import "hdmnet/internal/op"

// BatchNormFrozen computes y = (x − mean)·w/√(variance+eps) + b.
func (d *Device) BatchNormFrozen(y, x, w, b, mean, variance op.Tensor, eps float32) {
	rows, c := op.CheckBatchNormFrozen(y, x, w, b, mean, variance)
	four := quads(c, address(y), address(x), address(b), address(mean))
	d.launch("batch_norm_frozen", d.channelGrid(c, rows, 1, four), y, x, w, b, mean, variance, eps, rows, c, four)
}

// BatchNormFrozenGrad adds the gradients with the statistics as constants.
func (d *Device) BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance op.Tensor, eps float32) {
	rows, c := op.CheckBatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance)
	if dx == nil && dw == nil && db == nil {
		return
	}
	count, chunkRows := chunks(rows)
	partial := d.scratch(2 * count * c)
	defer d.freeScratch(partial)
	half := offset(partial, count*c)
	d.launch("batch_norm_frozen_grad", columnBlock(c, count), dx, partial, half, dy, x, w, mean, variance, eps, rows, c, chunkRows,
		dx != nil && !d.fresh(dx))
	if dw != nil {
		d.addPartials(address(dw), partial, count, c)
	}
	if db != nil {
		d.addPartials(address(db), half, count, c)
	}
}

// BatchNormTrain normalizes with the batch's own mean and variance.
func (d *Device) BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b op.Tensor, eps, momentum float32) {
	rows, c := op.CheckBatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b)
	count, chunkRows := chunks(rows)
	partial := d.scratch(2 * count * c)
	defer d.freeScratch(partial)
	d.launch("batch_norm_statistics", columnBlock(c, count), partial, x, rows, c, chunkRows)
	d.launch("batch_norm_statistics_end", columnBlock(c, 1), saveMean, saveRstd, runningMean, runningVar, partial,
		eps, momentum, count, chunkRows, rows, c)
	four := quads(c, address(y), address(x), address(b), address(saveMean))
	d.launch("batch_norm_train", d.channelGrid(c, rows, 1, four), y, x, w, b, saveMean, saveRstd, rows, c, four)
}

// BatchNormTrainGrad adds the gradients through the batch statistics too.
func (d *Device) BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd op.Tensor) {
	rows, c := op.CheckBatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd)
	if dx == nil && dw == nil && db == nil {
		return
	}
	if dx == nil {
		d.batchNormDots(dw, db, 0, dy, x, w, saveMean, saveRstd)
		return
	}
	slopes := d.scratch(3 * c)
	defer d.freeScratch(slopes)
	d.batchNormDots(dw, db, slopes, dy, x, w, saveMean, saveRstd)
	four := quads(c, address(dx), address(dy), address(x), address(saveMean))
	d.launch("batch_norm_train_grad", d.channelGrid(c, rows, 1, four), dx, dy, x, saveMean, slopes, rows, c, four)
}

// batchNormDots adds Σ dy·x̂ to dw and Σ dy to db (each may be nil); with slopes [3,c], not
// 0, it writes the terms of dx there.
func (d *Device) batchNormDots(dw, db op.Tensor, slopes pointer, dy, x, w, mean, rstd op.Tensor) {
	rows, c := matrixRows(x)
	count, chunkRows := chunks(rows)
	partial := d.scratch(2 * count * c)
	defer d.freeScratch(partial)
	d.launch("batch_norm_dots", columnBlock(c, count), partial, dy, x, mean, rows, c, chunkRows)
	d.launch("batch_norm_dots_end", columnBlock(c, 1), dw, db, slopes, partial, w, rstd, count, rows, c)
}
