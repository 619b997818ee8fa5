package prepare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
	"hdmnet/internal/textfile"
)

// Source is annotated data that was found in a folder.
type Source struct {
	What  string // for people
	Where string
	Args  []string // of `hdmnet data prepare`, without --out
	Needs bool     // --out
}

// sniffed is how many bytes of a file tell its format.
const sniffed = 64 << 10

// Recognize tells what annotated data lies in a folder and below, whole data sets before
// single files.
func Recognize(ctx context.Context, root string) ([]Source, error) {
	tree, err := locate.Walk(ctx, root, nil)
	if err != nil {
		return nil, err
	}
	var all []Source
	taken := func(path string) bool { // by a whole data set
		return slices.ContainsFunc(all, func(s Source) bool { return within(s.Where, path) })
	}
	folders := foldersOf(root, tree.Files)
	var voc string
	for _, dir := range folders {
		switch {
		case isDir(dir, "JPEGImages") && isDir(dir, "SegmentationClass") && isDir(dir, "ImageSets/Segmentation"):
			if colors := colorsIn(dir); colors != "" { // CVAT exports its masks so
				all = append(all, Source{"masks in colors", dir, []string{"masks", "--images", filepath.Join(dir, "JPEGImages"), "--masks", filepath.Join(dir, "SegmentationClass"), "--mask-colors", colors}, true})
				continue
			}
			voc = dir
			all = append(all, Source{"PASCAL VOC", dir, []string{"voc", "--root", dir}, false})
		case isFileIn(dir, "annotations/instances_train2014.json", "annotations/instances_val2014.json",
			"annotations/instances_train2017.json", "annotations/instances_val2017.json"):
			all = append(all, Source{"COCO", dir, []string{"coco", "--root", dir, "--mask-mode", "all-polygons"}, false})
		}
	}
	for _, dir := range folders {
		if isDir(dir, "cls") && isDir(dir, "img") && isFileIn(dir, "train.txt", "val.txt") {
			args := []string{"sbd", "--root", "VOC2012", "--sbd", dir}
			if voc != "" {
				args[2] = voc
			}
			all = append(all, Source{"SBD", dir, args, false})
		}
	}
	labelMe := map[string]bool{}
	for _, path := range tree.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if taken(path) {
			continue
		}
		dir := filepath.Dir(path)
		switch ext := strings.ToLower(filepath.Ext(path)); ext {
		case ".yaml", ".yml":
			if content, err := textfile.Read(path, textfile.Limit); err == nil {
				if _, err := parseYOLO(content); err == nil {
					all = append(all, Source{"YOLO", path, []string{"yolo", "--file", path}, true})
				}
			}
		case ".xml", ".json":
			if filepath.Base(path) == "meta.json" {
				if content, err := textfile.Read(path, textfile.Limit); err == nil {
					if _, err := parseSlyMeta(content); err == nil {
						all = append(all, Source{"Supervisely", dir, []string{"supervisely", "--file", path}, true})
						continue
					}
				}
			}
			switch kind := sniff(path); kind {
			case "labelme":
				labelMe[dir] = true
			case "coco":
				all = append(all, Source{"COCO's format", path, []string{"coco", "--instances", path, "--images", picturesNear(dir), "--mask-mode", "all-polygons"}, true})
			case "":
			default:
				what := map[string]string{"cvat": "CVAT for images", "label-studio": "Label Studio", "via": "VGG's Image Annotator"}[kind]
				all = append(all, Source{what, path, []string{kind, "--file", path, "--images", picturesNear(dir)}, true})
			}
		}
	}
	if len(labelMe) > 0 {
		dir := common(labelMe)
		all = append(all, Source{"LabelMe", dir, []string{"labelme", "--images", dir}, true})
	}
	if len(all) == 0 {
		all = maskFolders(folders, tree.Files)
	}
	return all, nil
}

// sniff tells by the beginning of a JSON or XML file which tool wrote it; "" for none that
// is known.
func sniff(path string) string {
	f, err := infile.Open(path, maxExport)
	if err != nil {
		return ""
	}
	defer f.Close()
	begin, err := io.ReadAll(io.LimitReader(f, sniffed))
	if err != nil {
		return ""
	}
	return sniffText(begin)
}

func sniffText(begin []byte) string {
	if textfile.IsUTF16(begin) {
		begin = bytes.ReplaceAll(begin, []byte{0}, nil) // the names that are looked for are ASCII
	}
	has := func(keys ...string) bool {
		return !slices.ContainsFunc(keys, func(key string) bool { return !bytes.Contains(begin, []byte(`"`+key+`"`)) })
	}
	text := bytes.TrimLeft(begin, "\xef\xbb\xbf\xff\xfe \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("<")):
		if bytes.Contains(begin, []byte("<annotations>")) && !bytes.Contains(begin, []byte("<track")) {
			return "cvat"
		}
	case bytes.HasPrefix(text, []byte("[")):
		if has("annotations", "data") || has("completions", "data") || has("original_width") {
			return "label-studio"
		}
	case has("_via_img_metadata") || has("shape_attributes") || has("filename", "regions"):
		return "via"
	case has("shapes") && (has("imagePath") || has("shape_type")):
		return "labelme"
	case has("images") && has("file_name") || has("category_id", "image_id") || has("categories", "supercategory"):
		return "coco"
	}
	return ""
}

// maskFolders finds a folder of pictures and one of masks of the same names.
func maskFolders(folders, files []string) []Source {
	stems := map[string]map[string]bool{} // folder → names of pictures
	pngs := map[string]int{}
	for _, path := range files {
		ext := strings.ToLower(filepath.Ext(path))
		if !slices.Contains(locate.Extensions, ext) {
			continue
		}
		dir := filepath.Dir(path)
		if stems[dir] == nil {
			stems[dir] = map[string]bool{}
		}
		stems[dir][strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))] = true
		if ext == ".png" {
			pngs[dir]++
		}
	}
	for _, masks := range folders {
		name := strings.ToLower(filepath.Base(masks))
		named := slices.ContainsFunc([]string{"mask", "label", "segment", "gt", "annot"}, func(part string) bool { return strings.Contains(name, part) })
		if !named || len(stems[masks]) == 0 || pngs[masks] != len(stems[masks]) {
			continue
		}
		for _, images := range folders {
			shared := 0
			for stem := range stems[masks] {
				if stems[images][stem] {
					shared++
				}
			}
			if images != masks && 2*shared > len(stems[masks]) {
				args := []string{"masks", "--images", images, "--masks", masks}
				if colors := colorsIn(masks, images, filepath.Dir(masks), filepath.Dir(images)); colors != "" {
					args = append(args, "--mask-colors", colors)
				}
				return []Source{{"pictures and masks", masks, args, true}}
			}
		}
	}
	return nil
}

// colorsIn is the first file of the classes' colors in folders, by the names that tools give
// it; "": none.
func colorsIn(folders ...string) string {
	for _, dir := range folders {
		for _, name := range []string{"labelmap.txt", "class_dict.csv", "label_colors.txt"} {
			if isFileIn(dir, name) {
				return filepath.Join(dir, name)
			}
		}
	}
	return ""
}

// foldersOf are a root and all folders below it that files are in, and those above them.
func foldersOf(root string, files []string) []string {
	seen := map[string]bool{root: true}
	for _, path := range files {
		for dir := filepath.Dir(path); !seen[dir] && len(dir) > len(root); dir = filepath.Dir(dir) {
			seen[dir] = true
		}
	}
	var all []string
	for dir := range seen {
		all = append(all, dir)
	}
	slices.Sort(all)
	return all
}

// picturesNear is the folder of the pictures of a file: where its folder, or one called
// images beside it or one above, is.
func picturesNear(dir string) string {
	for _, near := range []string{filepath.Join(dir, "images"), filepath.Join(filepath.Dir(dir), "images")} {
		if info, err := os.Stat(near); err == nil && info.IsDir() {
			return near
		}
	}
	return dir
}

// common is the folder that holds all of some folders.
func common(folders map[string]bool) string {
	best := ""
	for dir := range folders {
		for best != "" && !within(best, dir) {
			best = filepath.Dir(best)
		}
		if best == "" {
			best = dir
		}
	}
	return best
}

// within tells whether a path is a folder or below it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

func isDir(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

func isFileIn(dir string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return isRegular(filepath.Join(dir, filepath.FromSlash(name))) })
}

// Command is the command line that prepares a source; out is used where one is needed.
func (s Source) Command(out string) []string {
	args := append([]string{"data", "prepare"}, s.Args...)
	if s.Needs {
		args = append(args, "--out", out)
	}
	return args
}

// Shell is a command line as it is typed.
func Shell(args []string) string {
	var b strings.Builder
	b.WriteString("hdmnet")
	for _, arg := range args {
		if strings.ContainsAny(arg, " \t'\"$&;()<>*?[]`\\") || infile.Shown(arg) != arg {
			arg = fmt.Sprintf("'%s'", strings.ReplaceAll(arg, "'", `'\''`))
		}
		b.WriteString(" " + infile.Shown(arg))
	}
	return b.String()
}
