package picture

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"hdmnet/internal/jpeg"
	"hdmnet/internal/png"
)

// format is the kind of a file.
type format string

const (
	formatJPEG format = "JPEG"
	formatPNG  format = "PNG"
	formatWebP format = "WebP"
	formatBMP  format = "BMP"
	formatTIFF format = "TIFF"
	formatGIF  format = "GIF"
	formatPNM  format = "PNM"
)

const formatNames = "JPEG, PNG, WebP, BMP, TIFF, GIF or PNM"

// sniff tells a file's format from its first bytes. Errors name what the file is instead,
// where that can be told.
func sniff(start []byte) (format, error) {
	at := func(i int, s string) bool { return len(start) >= i && bytes.HasPrefix(start[i:], []byte(s)) }
	switch {
	case at(0, "\xff\xd8"):
		return formatJPEG, nil
	case at(0, png.Signature):
		return formatPNG, nil
	case at(0, "RIFF") && at(8, "WEBP"):
		return formatWebP, nil
	case at(0, "BM"):
		return formatBMP, nil
	case at(0, "II*\x00"), at(0, "MM\x00*"):
		return formatTIFF, nil
	case at(0, "GIF87a"), at(0, "GIF89a"):
		return formatGIF, nil
	case len(start) >= 3 && start[0] == 'P' && start[1] >= '1' && start[1] <= '6' && bytes.IndexByte([]byte(" \t\r\n#"), start[2]) >= 0:
		return formatPNM, nil
	}
	if other := foreign(start); other != "" {
		return "", fmt.Errorf("it is %s, which is not read; convert it to JPEG or PNG, for instance with ImageMagick: `magick FILE NEW.png`", other)
	}
	return "", fmt.Errorf("not a picture: expected %s", formatNames)
}

// foreign names a format that is known but not read.
func foreign(start []byte) string {
	if len(start) >= 12 && string(start[4:8]) == "ftyp" { // ISO base media
		brand := string(start[8:12])
		switch {
		case strings.HasPrefix(brand, "avi"):
			return "AVIF"
		case strings.HasPrefix(brand, "he"), strings.HasPrefix(brand, "mif1"), strings.HasPrefix(brand, "msf1"):
			return "HEIC (HEIF)"
		case brand == "crx ":
			return "a camera's raw file (CR3)"
		}
		return "a video (MP4 or QuickTime)"
	}
	for _, f := range []struct{ start, name string }{
		{"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"},
		{"\xff\x0a", "JPEG XL"},
		{"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"},
		{"\xff\x4f\xff\x51", "JPEG 2000"},
		{"II+\x00", "BigTIFF"},
		{"MM\x00+", "BigTIFF"},
		{"II\xbc\x01", "JPEG XR"},
		{"P7\n", "PAM"},
		{"8BPS", "a Photoshop file"},
		{"gimp xcf", "a GIMP file"},
		{"%PDF", "PDF"},
		{"v/1\x01", "OpenEXR"},
		{"#?RADIANCE", "Radiance HDR"},
		{"qoif", "QOI"},
		{"DDS ", "DDS"},
		{"\x00\x00\x01\x00", "an icon (ICO)"},
		{"\x93NUMPY", "a NumPy array"},
		{"PK\x03\x04", "a ZIP archive"},
		{"<svg", "SVG"},
		{"<?xml", "XML, perhaps SVG"},
		{"<!DOCTYPE html", "a web page, perhaps an error of the server that it came from"},
		{"<html", "a web page, perhaps an error of the server that it came from"},
		{"version https://git-lfs", "a Git LFS pointer: the picture itself was not fetched (git lfs pull)"},
	} {
		if bytes.HasPrefix(start, []byte(f.start)) {
			return f.name
		}
	}
	return ""
}

// header reads the size in a file's header.
func header(file io.ReadSeeker) (Size, error) {
	start := make([]byte, 1<<12)
	n, err := io.ReadFull(file, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Size{}, err
	}
	start = start[:n]
	f, err := sniff(start)
	if err != nil {
		return Size{}, err
	}
	switch f {
	case formatJPEG:
		return jpegHeader(file, start)
	case formatPNG:
		h, err := png.ReadHeader(start)
		return Size{h.H, h.W}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Size{}, err
	}
	config, err := rareConfig(f, file)
	if err != nil {
		return Size{}, fmt.Errorf("%s: %w", f, err)
	}
	return Size{config.Height, config.Width}, nil
}

// jpegHeader goes on after the start of a file until the frame.
func jpegHeader(file io.Reader, start []byte) (Size, error) {
	const most = 1 << 24 // of thumbnails and profiles before it
	for {
		if h, w, ok := jpeg.Size(start); ok {
			return Size{h, w}, nil
		}
		more, err := io.ReadAll(io.LimitReader(file, int64(min(15*len(start), most-len(start)))))
		if err != nil {
			return Size{}, err
		}
		if len(more) == 0 {
			return Size{}, fmt.Errorf("JPEG: no frame in its first %d bytes; the file is damaged or cut short: copy it again", len(start))
		}
		start = append(start, more...)
	}
}
