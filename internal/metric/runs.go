package metric

import "encoding/binary"

// runs calls f for every stretch of pixels [at, at+n) that share label and prediction.
// Maps of objects are made of long ones, which are compared eight pixels at a time: on a
// GPU the next picture would wait for a count of single pixels.
func runs(pred, label []uint8, f func(at, n int)) {
	const each = 0x0101010101010101
	pred = pred[:len(label)]
	for at := 0; at < len(label); {
		l, p := label[at], pred[at]
		end := at + 1
		for end+8 <= len(label) && binary.LittleEndian.Uint64(label[end:]) == uint64(l)*each &&
			binary.LittleEndian.Uint64(pred[end:]) == uint64(p)*each {
			end += 8
		}
		for end < len(label) && label[end] == l && pred[end] == p {
			end++
		}
		f(at, end-at)
		at = end
	}
}
