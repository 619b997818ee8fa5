package train

import (
	"fmt"
	"regexp"
	"strings"

	"hdmnet/internal/experiment"
)

// Origin is what a run began with beside its settings. Parts that are empty are unknown:
// of checkpoints of older versions, and of data that is made on the fly.
type Origin struct {
	TrainList  string `json:"train_list,omitempty"`
	TrainFiles string `json:"train_files,omitempty"`
	ValList    string `json:"val_list,omitempty"`
	ValFiles   string `json:"val_files,omitempty"`
	Arithmetic string `json:"arithmetic,omitempty"` // the device but for what changes no bit, see arithmetic
}

// noMatter are the parts of a device's name that no result depends on: the number of threads,
// and which of a machine's GPUs it is.
var noMatter = regexp.MustCompile(`, \d+ threads?|^cuda:\d+`)

// arithmetic is a device's name without them.
func arithmetic(device string) string {
	return noMatter.ReplaceAllStringFunc(device, func(part string) string {
		if strings.HasPrefix(part, "cuda") {
			return "cuda"
		}
		return ""
	})
}

// origin is that of a run as it would begin now.
func (o *Options) origin() Origin {
	now := Origin{Arithmetic: arithmetic(o.Device.Name())}
	now.TrainList, now.TrainFiles = fingerprint(&o.Train)
	if o.Val != nil {
		now.ValList, now.ValFiles = fingerprint(o.Val)
	}
	return now
}

func fingerprint(p *experiment.Pictures) (list, files string) {
	if s, ok := p.Source.(interface{ Fingerprint() (list, files string) }); ok {
		return s.Fingerprint()
	}
	return "", ""
}

// changedData says what of the data is not what the run began with.
func (o *Origin) changedData(now *Origin) []string {
	var out []string
	for _, part := range []struct{ before, now, what string }{
		{o.TrainList, now.TrainList, "the training list has other pairs, or another order"},
		{o.TrainFiles, now.TrainFiles, "pictures or masks of the training list have another size or time of change"},
		{o.ValList, now.ValList, "the validation list has other pairs, or another order"},
		{o.ValFiles, now.ValFiles, "pictures or masks of the validation list have another size or time of change"},
	} {
		if part.before != "" && part.now != "" && part.before != part.now {
			out = append(out, part.what)
		}
	}
	return out
}

// checkOrigin refuses data that has changed since a checkpoint was written, unless that is
// accepted, and warns of another device.
func (t *trainer) checkOrigin(c *checkpoint) error {
	was := &c.state.Origin
	if changed := was.changedData(&t.origin); len(changed) > 0 {
		if !t.AcceptChangedData {
			return fmt.Errorf("cannot continue from %s: the data has changed since the run began:\n  %s\nrestore it, start a new run in another --out, or go on all the same with --accept-changed-data",
				c.Path(), strings.Join(changed, "\n  "))
		}
		t.log.printf("warning: the data has changed since the run began, which was accepted: %s", strings.Join(changed, "; "))
	}
	if before := arithmetic(was.Arithmetic); before != "" && before != t.origin.Arithmetic {
		t.log.printf("warning: the run was on %s, now it is on %s, another device or instruction set: it will not end with the same bits as if it had never stopped",
			was.Arithmetic, t.origin.Arithmetic)
	}
	return nil
}
