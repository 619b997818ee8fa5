package png

// unfilter undoes a row filter in place for pixels of step bytes; above is the row
// before. False where there is no such filter.
func unfilter(kind byte, row, above []byte, step int) bool {
	above = above[:len(row)]
	switch {
	case kind == 0:
	case kind == 2:
		for i, v := range above {
			row[i] += v
		}
	case kind > 4:
		return false
	case step == 1:
		unfilterBytes(kind, row, above)
	default:
		unfilterWide(kind, row, above, step)
	}
	return true
}

// unfilterBytes undoes filters 1, 3 and 4 for pixels of one byte.
func unfilterBytes(kind byte, row, above []byte) {
	var left, corner byte
	switch kind {
	case 1:
		for i := range row {
			left += row[i]
			row[i] = left
		}
	case 3:
		for i, v := range above {
			left = row[i] + byte((int(left)+int(v))/2)
			row[i] = left
		}
	case 4:
		for i, v := range above {
			left = row[i] + paeth(left, v, corner)
			row[i], corner = left, v
		}
	}
}

func unfilterWide(kind byte, row, above []byte, step int) {
	first := min(step, len(row))
	switch kind {
	case 1:
		for i := first; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 3:
		for i := range first {
			row[i] += above[i] / 2
		}
		for i := first; i < len(row); i++ {
			row[i] += byte((int(row[i-step]) + int(above[i])) / 2)
		}
	case 4:
		for i := range first {
			row[i] += above[i]
		}
		for i := first; i < len(row); i++ {
			row[i] += paeth(row[i-step], above[i], above[i-step])
		}
	}
}

// paeth is whichever of left, above and corner is nearest to left + above - corner.
func paeth(left, above, corner byte) byte {
	a, b, c := int(left), int(above), int(corner)
	distance := func(v int) int { return max(v, -v) }
	pa, pb, pc := distance(b-c), distance(a-c), distance(a+b-2*c)
	switch {
	case pa <= pb && pa <= pc:
		return left
	case pb <= pc:
		return above
	}
	return corner
}
