package predict

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
)

// maskEndings are what follows a picture's name in its mask's, before .png.
var maskEndings = []string{"_mask", "-mask", ".mask", ""}

// ClassFolders reads the supports of several classes from a folder that has one folder for
// each, named as the class: pictures, and beside each picture cat.jpg its mask cat_mask.png
// or cat.png (not where the picture is a PNG itself). The classes are ordered by name.
//
// Errors: no folders; a folder without pictures; a picture without a mask.
func ClassFolders(ctx context.Context, dir string) ([]Class, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("supports: %w", err)
	}
	var classes []Class
	for _, e := range entries {
		folder := filepath.Join(dir, e.Name())
		if info, err := os.Stat(folder); err != nil || !info.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		c, err := classFolder(ctx, folder)
		if err != nil {
			return nil, err
		}
		classes = append(classes, c)
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("supports: %s has no folders; expected one for each class, with pictures and their masks (cat1.jpg and cat1_mask.png)", infile.Shown(dir))
	}
	return classes, checkCount(classes)
}

func classFolder(ctx context.Context, folder string) (Class, error) {
	c := Class{Name: filepath.Base(folder)}
	tree, err := locate.Walk(ctx, folder, nil)
	if err != nil {
		return c, fmt.Errorf("supports: %w", err)
	}
	masks := map[string]bool{}
	for _, path := range tree.Files {
		if strings.EqualFold(filepath.Ext(path), ".png") {
			masks[path] = true
		}
	}
	maskOf := func(path string) string {
		for _, ending := range maskEndings {
			for _, ext := range []string{".png", ".PNG"} {
				if m := strings.TrimSuffix(path, filepath.Ext(path)) + ending + ext; m != path && masks[m] {
					return m
				}
			}
		}
		return ""
	}
	of := map[string]bool{} // masks of pictures
	for _, path := range tree.Files {
		if m := maskOf(path); m != "" && slices.Contains(locate.Extensions, strings.ToLower(filepath.Ext(path))) {
			of[m] = true
		}
	}
	for _, path := range tree.Files {
		if of[path] || !slices.Contains(locate.Extensions, strings.ToLower(filepath.Ext(path))) {
			continue
		}
		m := maskOf(path)
		if m == "" {
			return c, fmt.Errorf("supports of class %s: %s has no mask beside it; expected %s_mask.png, with 0 for background and any other value for the object",
				c.Name, infile.Shown(path), infile.Shown(resultName(path)))
		}
		c.Supports = append(c.Supports, Support{Image: path, Mask: m})
	}
	if len(c.Supports) == 0 {
		return c, fmt.Errorf("supports of class %s: no picture in %s", c.Name, infile.Shown(folder))
	}
	return c, nil
}

// ListClasses makes supports of a custom data set: its list of pictures and masks, and the
// names of its classes. Each class has the first pictures of the list that show it, at
// most so many as limit says.
//
// Errors: a list or mask that cannot be read; no class in any mask.
func ListClasses(list, root, classFile string, limit int) ([]Class, error) {
	names, err := data.ReadClasses(classFile)
	if err != nil {
		return nil, err
	}
	entries, err := data.ReadList(list)
	if err != nil {
		return nil, err
	}
	all := make([]Class, len(names))
	files, r := data.FindListFiles(entries, root), &picture.Reader{}
	for _, e := range entries {
		mask, _, err := r.ReadMask(files.Path(e.Mask), len(names)-1)
		if err != nil {
			return nil, err
		}
		var shows [256]bool
		for _, v := range mask {
			shows[v] = true
		}
		for value := 1; value < len(names) && value < labelmap.Ignore; value++ {
			if c := &all[value]; shows[value] && len(c.Supports) < limit {
				c.Name = names[value]
				c.Supports = append(c.Supports, Support{Image: files.Path(e.Image), Mask: files.Path(e.Mask), Value: uint8(value)})
			}
		}
	}
	classes := slices.DeleteFunc(all, func(c Class) bool { return len(c.Supports) == 0 })
	if len(classes) == 0 {
		return nil, fmt.Errorf("supports: no mask of %s shows a class of %s", infile.Shown(list), infile.Shown(classFile))
	}
	return classes, checkCount(classes)
}

// checkCount: results are 8-bit label maps.
func checkCount(classes []Class) error {
	if most := int(labelmap.Ignore) - 1; len(classes) > most {
		return fmt.Errorf("supports: %d classes, at most %d are looked for at once", len(classes), most)
	}
	return nil
}
