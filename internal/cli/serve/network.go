package serve

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/demo"
	"hdmnet/internal/experiment"
	"hdmnet/internal/featurestore"
	"hdmnet/internal/infile"
	"hdmnet/internal/memlimit"
	"hdmnet/internal/op"
	"hdmnet/internal/picture"
	"hdmnet/internal/serve"
)

// network opens the network that the flags name, or the demo network, for use.
func (o *options) network(ctx context.Context, io ui.Streams, settings config.Options, work *serve.Options, use func() error) error {
	if o.named.Named() {
		from := o.named.Run
		if from == "" {
			from = o.named.Weights
		}
		work.Network.Name = infile.Shown(from)
		return o.openFrom(ctx, io, o.named.Source(), settings, work, use)
	}
	settings.Config = demo.Config
	work.Network = serve.Network{Name: "demo", Demo: true,
		Note: "this is the small demo network that comes with hdmnet, trained on synthetic pictures: it shows how things work, and finds little in photographs; start the server with --run for a network of your own"}
	if err := samples(work); err != nil {
		return err
	}
	return demo.WithWeights(func(path string, read func()) error {
		return o.openFrom(ctx, io, experiment.Source{File: path}, settings, work, func() error {
			read() // a server runs for days, and may be killed
			return use()
		})
	})
}

// samples are the pictures that a new project begins with.
func samples(work *serve.Options) error {
	all, class, err := demo.Samples()
	if err != nil {
		return err
	}
	for _, s := range all {
		sample := serve.Sample{Name: s.Name, Content: s.PNG}
		for _, p := range s.Object {
			sample.Class = class
			sample.Object = append(sample.Object, [2]float64{p.X, p.Y})
		}
		work.Samples = append(work.Samples, sample)
	}
	return nil
}

// openFrom reads a network, tells work what it is, and closes it after use.
func (o *options) openFrom(ctx context.Context, io ui.Streams, from experiment.Source, settings config.Options, work *serve.Options, use func() error) (err error) {
	monitor, _ := flags.Monitor(io)
	t, err := experiment.OpenTrained(from, settings, monitor)
	if err != nil {
		return err
	}
	if o.Given("max-pixels") && t.Dataset.MaxPixels > picture.WholePixels {
		return ui.Usagef("--max-pixels %d: expected at most %d; make larger pictures smaller, or cut them into tiles", t.Dataset.MaxPixels, picture.WholePixels)
	}
	if work.Views, err = flags.Views(t.Config); err != nil {
		return err
	}
	if work.Refine, err = flags.Refinement(t.Config); err != nil {
		return err
	}
	if work.Identity, err = t.Identity(); err != nil {
		return err
	}
	identity := fmt.Sprintf("%s, %d, hdmnet %s", work.Identity, t.Model.Size, o.version) // what features depend on
	work.Identity += fmt.Sprintf(", %d, %v, %+v", t.Model.Size, work.Views, t.Eval.Refine)
	work.Network.Size, work.Network.Backbone, work.MaxPixels = t.Model.Size, t.Model.Backbone, t.Dataset.MaxPixels
	dev, err := flags.OpenDevice(ctx, io, t.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	work.Device = dev.Name()
	shots, err := t.TrainedShots()
	if err != nil {
		return err
	}
	net, err := t.Network(dev, shots, false, 0, monitor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	keep := int64(t.Eval.FeatureCache) << 20
	if o.Source("eval.feature_cache") == "" || keep == 0 {
		keep = usualMemory(dev)
	}
	if err := net.CacheFeatures(net.Tape, keep); err != nil {
		return err
	}
	work.Net, work.Tape = net, net.Tape
	if o.cache == "" {
		return use()
	}
	store, err := featurestore.Open(o.cache, identity+", "+work.Device, int64(o.cacheSize)<<30, work.Warn)
	if err != nil {
		return ui.Usagef("--cache %s: %w", infile.Shown(o.cache), err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	net.StoreFeatures(store)
	return use()
}

// usualMemory is how much features may take where nobody says: half of the machine's memory
// that is free or, of a GPU, whose memory the network needs too, 8 GiB at most.
func usualMemory(dev op.Device) int64 {
	left, _ := memlimit.Left()
	most := int64(8 << 30)
	if strings.HasPrefix(dev.Name(), "cpu") {
		most = 64 << 30
	}
	return min(left/2, most)
}

// browse opens an address in the web browser.
func browse(address string) error {
	command := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	cmd := exec.Command(command[0], append(command[1:], address)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // its end means nothing
	return nil
}
