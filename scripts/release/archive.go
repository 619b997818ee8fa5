package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"hdmnet/internal/atomicfile"
)

// file is a file of an archive or a package.
type file struct {
	name string // in it, with slashes
	from string
	mode int64
}

// below are the files of a folder of root, in order.
func below(root, dir string) ([]file, error) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	var files []file
	for _, e := range entries {
		files = append(files, file{path.Join(dir, e.Name()), filepath.Join(root, dir, e.Name()), 0o644})
	}
	return files, err
}

// tar writes a .tar.gz whose files lie in the folder top.
func (r *release) tar(to, top string, files []file) error {
	return atomicfile.Write(to, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		t := tar.NewWriter(z)
		for _, f := range files {
			b, err := os.ReadFile(f.from)
			if err != nil {
				return err
			}
			if err := t.WriteHeader(&tar.Header{Name: path.Join(top, f.name), Mode: f.mode, Size: int64(len(b)), ModTime: r.date, Format: tar.FormatUSTAR}); err != nil {
				return err
			}
			if _, err := t.Write(b); err != nil {
				return err
			}
		}
		return errors.Join(t.Close(), z.Close())
	})
}

// zip is tar for Windows.
func (r *release) zip(to, top string, files []file) error {
	return atomicfile.Write(to, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, f := range files {
			b, err := os.ReadFile(f.from)
			if err != nil {
				return err
			}
			h := &zip.FileHeader{Name: path.Join(top, f.name), Method: zip.Deflate, Modified: r.date}
			h.SetMode(os.FileMode(f.mode))
			e, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			if _, err := e.Write(b); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// sums writes SHA256SUMS of all files of the release.
func (r *release) sums() error {
	files, err := below(r.out, ".")
	if err != nil {
		return err
	}
	var text []byte
	for _, f := range files {
		b, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		text = fmt.Appendf(text, "%x  %s\n", sha256.Sum256(b), f.name)
	}
	return atomicfile.Write(filepath.Join(r.out, "SHA256SUMS"), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// gzip packs one file.
func (r *release) gzip(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return atomicfile.Write(to, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(b); err != nil {
			return err
		}
		return z.Close()
	})
}
