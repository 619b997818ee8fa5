//go:build !unix

package locate

import "os"

func identify(path string, _ os.FileInfo) ID { return byPath(path) }
