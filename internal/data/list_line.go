package data

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"hdmnet/internal/textfile"
)

// ListLine is the line of a list that ParseList reads as these names of an image and a mask.
// They are separated by a tab where one of them has spaces. Errors: a name that no list can
// hold.
func ListLine(image, mask string) (string, error) {
	separator := " "
	for _, name := range []string{image, mask} {
		if err := listable(name); err != nil {
			return "", fmt.Errorf("the name %q cannot be written to a list: %w", name, err)
		}
		if len(strings.Fields(name)) > 1 {
			separator = "\t"
		}
	}
	if strings.ContainsAny(image+mask, `,;"`) {
		image, mask = quoteListName(image), quoteListName(mask)
	}
	return image + separator + mask + "\n", nil
}

// listable tells whether a name of a file can stand in a list and be read again.
func listable(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("it is no UTF-8, but in the encoding of another system: rename the file, or unpack it anew (unzip -O GB18030, for instance)")
	case strings.TrimSpace(name) != name || name == "":
		return errors.New("rename the file, without spaces at its ends")
	case strings.Contains(name, `\`):
		return errors.New("rename the file, without backslashes, which stand for folders")
	}
	if err := textfile.CheckName(name); err != nil {
		return fmt.Errorf("%w: rename the file", err)
	}
	return nil
}
