// Package jpeg decodes photographs to exactly the pixels that libjpeg-turbo
// gives, and with it OpenCV's imread and Pillow: the same integer inverse DCT
// (libjpeg's "islow"), chroma enlarged by a triangle filter ("fancy
// upsampling"), and the same rounding of the color transform.
//
// Files with one interleaved sequential scan, which is what cameras and data
// sets have, are decoded here, faster than by the standard library. All other
// kinds (progressive, several scans, CMYK, rare subsampling) are left to
// image/jpeg, whose inverse DCT rounds differently, by a gray level here and
// there; so is everything that looks damaged, which image/jpeg then explains.
package jpeg
