// Package prepare turns official downloads and annotations into what package data
// reads: masks that hold class indices, list files, and class names.
//
// All preparations work alike. They run on several goroutines and give the same bytes
// whatever their number. Every file appears complete or not at all. A preparation that
// was interrupted goes on where it stopped when it is called again: whole masks are
// kept, damaged ones made again. A record in the output folder (recordFile) keeps the
// settings, so that going on with others is an error and never a mixture.
package prepare
