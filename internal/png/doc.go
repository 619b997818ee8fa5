// Package png reads PNG files row by row, to the samples that they store, in memory
// that is kept from one file to the next. It reads what libpng reads, and with it
// OpenCV and Pillow: a wrong checksum of a chunk that the pixels do not depend on,
// compressed data beyond the last row and bytes after the end are warnings, where
// image/png refuses the file. What the pixels depend on must be right to the last bit.
package png
