package prepare

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// readIDs reads a set of VOC or SBD: one name of a picture a line, without folder and
// extension. Errors name file and line.
func readIDs(path string) ([]string, error) {
	content, err := textfile.Read(path, textfile.Limit)
	if err != nil {
		return nil, fmt.Errorf("set of pictures: %w", err)
	}
	shown := infile.Shown(path)
	var ids []string
	seen := map[string]int{}
	for i, line := range textfile.Lines(string(content)) {
		n := i + 1
		id := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if id == "" {
			continue
		}
		if err := textfile.CheckName(id); strings.ContainsAny(id, " \t/\\,") || filepath.Ext(id) != "" || err != nil {
			return nil, fmt.Errorf("%s:%d: %.80q, expected the name of a picture without folder and extension; is this a set of VOC or SBD?", shown, n, id)
		}
		if before, ok := seen[id]; ok {
			return nil, fmt.Errorf("%s:%d: %s stands on line %d already; remove one of them", shown, n, id, before)
		}
		seen[id] = n
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: no names of pictures in it; is the download complete?", shown)
	}
	return ids, nil
}

// checksum is the SHA-256 of lists of names, one a line.
func checksum(lists ...[]string) string {
	h := sha256.New()
	for _, ids := range lists {
		for _, id := range ids {
			_, _ = fmt.Fprintln(h, id)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// published is what is known of a list that others use too.
type published struct {
	count int
	sum   string // checksum of its names
	means string // what another number usually means
}

var (
	vocTrainSet = published{1464, "aa623bd2c8ce4443a8aaae51c524c0eb165e8e44caf6aa9e3ad33d7b75a3ef20",
		"a set of another year (VOC 2011 has 1,112), or an edited one"}
	vocValSet = published{1449, "cdc1326d12f69ce5153aa5da04a4d8783e146868d42d19f82f44e74b97ac907d",
		"a set of another year (VOC 2011 has 1,111), or an edited one; scores are then not comparable"}
	mergeSet = published{5953, "edb3f0cbd581ed65fcb3050ff172c52e6c28ea94ae0797725084a3526721249b",
		"an incomplete download of SBD, or an edited ImageSets/Main/train.txt"}
	trainAugSet = published{10582, "d1326bd532648d73bc4b1bd275434eba81930982dc7401a65a8cecb26c028e24",
		"an incomplete download of SBD"}
)

// check warns when a list is not the published one.
func (p published) check(opt Options, list string, ids []string) {
	if opt.Warn == nil {
		return
	}
	switch {
	case len(ids) != p.count:
		opt.Warn(fmt.Sprintf("%s has %d pairs, the published list has %d; this usually means %s", list, len(ids), p.count, p.means))
	case checksum(ids) != p.sum:
		opt.Warn(fmt.Sprintf("%s has as many pairs as the published list (%d), but other pictures or another order; episodes depend on both", list, p.count))
	}
}

// checkExist makes sure that files exist, and says how many do not.
func checkExist(what string, paths []string) error {
	const shown = 5
	var lines []string
	missing := 0
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a file", path)
		}
		if err == nil {
			continue
		}
		if missing++; missing <= shown {
			lines = append(lines, err.Error())
		}
	}
	if missing == 0 {
		return nil
	}
	if missing > shown {
		lines = append(lines, fmt.Sprintf("… and %d more", missing-shown))
	}
	return fmt.Errorf("%s: %d of %d files cannot be read; is the download complete?\n%s", what, missing, len(paths), strings.Join(lines, "\n"))
}
