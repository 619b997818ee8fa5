// Package picture reads photographs and masks from files: JPEG, PNG, WebP, BMP, TIFF, GIF
// (of moving ones the first picture) and PNM (PBM, PGM, PPM), told apart by their content whatever their names
// say. Photographs come out with the pixels that OpenCV's imread gives; what is odd about
// a file but does not stop OpenCV is a warning. Masks come out as class indices.
//
// A picture of more than WholePixels is read at a smaller scale, row by row, so that
// memory does not grow with it: every n×n pixels become one, a photograph's their mean,
// a mask's the middle one, so that both stay in place.
//
// Not as OpenCV: a TIFF's color under transparency stays as it is (OpenCV darkens it), the
// orientation in EXIF data is not applied, a progressive JPEG that is cut short is not
// smoothed. TIFF with JPEG inside, of CMYK or of floating-point numbers is refused.
package picture
