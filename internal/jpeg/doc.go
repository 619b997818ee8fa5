// Package jpeg decodes photographs to exactly the pixels that libjpeg-turbo
// gives, and with it OpenCV's imread and Pillow: the same integer inverse DCT
// (libjpeg's "islow"), chroma enlarged by a triangle filter where libjpeg does
// so ("fancy upsampling") and repeated elsewhere, and the same rounding of the
// color transform. It reads sequential and progressive files of one or more
// scans, 1, 3 or 4 components, any sampling factors.
//
// Damage is met as libjpeg meets it, with a warning: missing data becomes gray,
// wrong codes count as zeros, a damaged stretch ends at the next restart marker
// that fits. Where libjpeg would smooth the blocks of a progressive file that
// is cut short, they stay as they are. Motion JPEG's missing Huffman tables are
// the standard's.
package jpeg
