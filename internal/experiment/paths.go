package experiment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"hdmnet/internal/config"
)

// FindFile is the path of a file of the data set: as given, or under the data root when it
// is only there; as given when it is nowhere. A name without a folder that means one file
// here and another under the data root is a *SettingError.
func FindFile(c *config.Dataset, path string) (string, error) {
	if path == "" || filepath.IsAbs(path) {
		return path, nil
	}
	under := filepath.Join(c.Root, path)
	there, err := os.Stat(under)
	if err != nil {
		return path, nil
	}
	here, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return under, nil
	case err == nil && !os.SameFile(here, there) && filepath.Base(path) == path:
		return "", settingf("%s is both here and under the data root: write .%c%s or %s", path, filepath.Separator, path, under)
	}
	return path, nil
}

// Absolute makes the paths of the settings independent of the working directory, so that
// a run can be gone on with, and scored, from anywhere. A list or class file that is not
// found here is looked for under the data root; one that is nowhere stays as it is.
func Absolute(c *config.Config) error {
	for _, path := range []*string{&c.Dataset.Root, &c.Backbone.Weights, &c.Base.Weights} {
		if err := makeAbsolute(path); err != nil {
			return err
		}
	}
	if registry[c.Dataset.Name].inMemory {
		return nil // reads no list: its opener says so
	}
	for _, path := range []*string{&c.Dataset.TrainList, &c.Dataset.ValList, &c.Dataset.Classes, &c.Dataset.FoldList} {
		found, err := FindFile(&c.Dataset, *path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(found); err != nil {
			continue
		}
		*path = found
		if err := makeAbsolute(path); err != nil {
			return err
		}
	}
	return nil
}

func makeAbsolute(path *string) (err error) {
	if *path != "" {
		*path, err = filepath.Abs(*path)
	}
	return err
}
