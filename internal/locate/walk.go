package locate

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hdmnet/internal/infile"
)

// Tree are the files below a folder.
type Tree struct {
	// Files are their paths, the folder's before them, by name folder by folder.
	Files []string
	// Left says of each link that was not followed why: it leads nowhere, or to a folder
	// that was read already (links in a circle, or two to one folder).
	Left []string
}

// Walk lists the files below a folder, linked folders and files included. Every real folder
// is read once. skip, unless nil, tells of folders to be left out.
//
// Errors: a folder that cannot be read; the context's.
func Walk(ctx context.Context, root string, skip func(folder string) bool) (*Tree, error) {
	t := &Tree{}
	return t, t.walk(ctx, root, skip, map[ID]string{})
}

// Unlinked are the paths of files that no other path before leads to, too; of a file and
// links to it the file itself stays. The others are added to Left.
func (t *Tree) Unlinked(paths []string) []string {
	first := map[ID]string{}
	for _, links := range []bool{false, true} { // files themselves come first
		for _, p := range paths {
			info, err := os.Lstat(p)
			if err != nil || (info.Mode()&fs.ModeSymlink != 0) != links {
				continue
			}
			if id, _, err := Identify(p); err == nil && first[id] == "" {
				first[id] = p
			}
		}
	}
	var out []string
	for _, p := range paths {
		id, _, err := Identify(p)
		if kept := first[id]; err == nil && kept != p {
			t.Left = append(t.Left, fmt.Sprintf("%s is a link to %s, which is read already", infile.Shown(p), infile.Shown(kept)))
			continue
		}
		out = append(out, p)
	}
	return out
}

func (t *Tree) walk(ctx context.Context, folder string, skip func(string) bool, read map[ID]string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	id, _, err := Identify(folder)
	if err != nil {
		return err
	}
	read[id] = folder
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				t.Left = append(t.Left, infile.Shown(path)+" is a link that leads nowhere")
				continue
			}
			isDir = info.IsDir()
		}
		if !isDir {
			t.Files = append(t.Files, path)
			continue
		}
		if skip != nil && skip(path) {
			continue
		}
		id, _, err := Identify(path)
		if err != nil {
			return err
		}
		if before, ok := read[id]; ok {
			t.Left = append(t.Left, fmt.Sprintf("%s is a link to %s, which is read already", infile.Shown(path), infile.Shown(before)))
			continue
		}
		if err := t.walk(ctx, path, skip, read); err != nil {
			return err
		}
	}
	return nil
}
