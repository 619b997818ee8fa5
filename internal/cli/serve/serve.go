// Package serve is `hdmnet serve`: the page and the API with which objects are marked in a few
// pictures and found in all the others.
package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelstudio"
	"hdmnet/internal/picture"
	"hdmnet/internal/serve"
)

// options are the flags of `serve`.
type options struct {
	*flags.Settings
	version          string
	named            flags.Network
	project, root    string
	labelStudio      string
	addr, token      string
	open             bool
	maxFile, maxDisk int // MiB, GiB
	cache            string
	cacheSize        int // GiB
}

// autoToken stands for one that is made up.
const autoToken = "auto"

// NewCmd returns the command, which writes to io; version is the program's.
func NewCmd(io ui.Streams, version string) *cobra.Command {
	o := &options{version: version}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Mark an object in a few pictures in a web browser, and find it in all the others",
		Long: `Open a page in a web browser, in which you mark an object in one or a few pictures, and get
its masks in all the other pictures of a project. Masks can be accepted, rejected, corrected, and
exported: as PNG, COCO, LabelMe or YOLO, or as a custom data set that hdmnet trains on.

Without --run or --weights a small demo network that comes with hdmnet is used, with three
sample pictures. It shows how things work; for photographs give a network that was trained on
photographs.

Pictures are uploaded in the page, or added from folders below --root, where they stay. All
else is kept in the folder of the project, as JSON and PNG files. What the page shows as saved
is on the disk; the same command goes on with the project.

Only this machine can reach the page unless --addr says otherwise. Then --token is needed:
whoever has it can see and change everything in the project. Connections are not encrypted;
over networks that you do not trust, use a tunnel (ssh -L) or a proxy with TLS.

With --label-studio URL it also is a machine learning backend of Label Studio: key points and
rectangles become masks, and annotations become supports. Give the environment variable
` + labelstudio.KeyVariable + ` an access token of Label Studio (Account & Settings).

Programs use the same API as the page. It is described in docs/serve.md; /metrics has numbers for
Prometheus. Ctrl-C ends the server.`,
		Example: `  hdmnet serve                                       try it: demo network, sample pictures
  hdmnet serve --run runs/first --root photos --project labels
  hdmnet serve --run runs/first --addr 0.0.0.0:8080 --token auto`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	o.named.Add(cmd)
	f.StringVar(&o.project, "project", "hdmnet-project", "folder `DIR` of the project; made when it is missing")
	f.StringVar(&o.root, "root", "", "folder `DIR` with pictures; folders below it can be added in the page")
	flags.SetGroup(cmd, flags.GroupData, "root")
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`ADDRESS` and port to listen at; port 0: any that is free")
	f.StringVar(&o.token, "token", "", "`TOKEN` that whoever opens the page must have, 12 characters or more; auto: one is made up")
	f.StringVar(&o.labelStudio, "label-studio", "", "be a machine learning backend of the Label Studio at `URL`; its access token: "+labelstudio.KeyVariable)
	f.BoolVar(&o.open, "open", false, "open the page in the web browser")
	f.IntVar(&o.maxFile, "max-file", 128, "largest file of a picture that is taken, in `MIB`")
	f.IntVar(&o.maxDisk, "max-disk", 50, "largest size of the project on the disk, in `GIB`")
	f.StringVar(&o.cache, "cache", "", "also keep features of pictures in folder `DIR`, so that a restart does not compute them again")
	f.IntVar(&o.cacheSize, "cache-size", 20, "largest size of --cache, in `GIB`; what was not used for the longest leaves")
	f.Int("feature-cache", 0, "memory for features of pictures, in `MIB`, so that another support costs little time; 0: half of what is free")
	o.Bind("feature-cache", "eval.feature_cache")
	f.Int("max-pixels", picture.WholePixels, "largest picture that is taken, in pixels")
	o.Bind("max-pixels", "dataset.max_pixels")
	flags.Fusion(o.Settings)
	flags.Device(o.Settings)
	return cmd
}

// check refuses a command line that cannot be.
func (o *options) check() error {
	if err := o.named.Check(false); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(o.addr)
	switch {
	case err != nil:
		return ui.Usagef("--addr %s: expected an address and a port, such as 127.0.0.1:8080", infile.Shown(o.addr))
	case o.project == "":
		return ui.Usagef("--project: name the folder of the project")
	case !serve.Loopback(o.addr) && o.token == "":
		return ui.Usagef("--addr %s can be reached from other machines (%q is not a loopback address): give --token TOKEN, or --token auto; or leave --addr out", o.addr, host)
	case o.token == "" && o.Given("token"):
		return ui.Usagef("--token is empty: give 12 characters or more, or auto")
	case o.token != "" && o.token != autoToken && len(o.token) < 12:
		return ui.Usagef("--token has %d characters, expected 12 or more, that nobody guesses; --token auto makes one up", len(o.token))
	case o.maxFile < 1 || o.maxFile > 1024:
		return ui.Usagef("--max-file %d: expected MiB from 1 to 1024", o.maxFile)
	case o.cacheSize < 1:
		return ui.Usagef("--cache-size %d: expected GiB, 1 or more", o.cacheSize)
	case o.cache == "" && o.Given("cache-size"):
		return ui.Usagef("--cache-size goes with --cache, the folder")
	case o.maxDisk < 1:
		return ui.Usagef("--max-disk %d: expected GiB, 1 or more", o.maxDisk)
	}
	if o.token == autoToken {
		o.token = rand.Text()
	}
	return nil
}

func run(ctx context.Context, io ui.Streams, o *options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	settings, err := o.Options(io)
	if err != nil {
		return err
	}
	settings.Config = o.named.Config
	// A browser that closes a connection is no reason to stop; elsewhere a reader that is gone is one.
	signal.Ignore(syscall.SIGPIPE)
	// Listening comes first: a port that is taken is told of before a network is read.
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return ui.Usagef("--addr %s: %w; give another port, such as --addr 127.0.0.1:8090", infile.Shown(o.addr), err)
	}
	defer listener.Close()
	o.addr = listener.Addr().String()
	work := serve.Options{Project: o.project, Root: o.root, Addr: o.addr, Token: o.token, Version: o.version,
		LabelStudio: o.labelStudio, LabelStudioKey: studioKey(io),
		MaxFile: int64(o.maxFile) << 20, MaxDisk: int64(o.maxDisk) << 30, Warn: func(m string) { io.Warn("%s", m) }}
	return o.network(ctx, io, settings, &work, func() error {
		return o.serve(ctx, io, listener, work)
	})
}

// studioKey is the access token of Label Studio.
func studioKey(io ui.Streams) (key string) {
	for _, pair := range io.Env {
		if name, value, _ := strings.Cut(pair, "="); name == labelstudio.KeyVariable {
			key = value
		}
	}
	return key
}

// serve answers until ctx ends.
func (o *options) serve(ctx context.Context, io ui.Streams, listener net.Listener, work serve.Options) (err error) {
	s, err := serve.New(ctx, work)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	o.say(io, &work)
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	io.Note("stopping")
	err = errors.Join(err, s.Close()) // streams of events end with it, so that Shutdown does not wait for them
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if server.Shutdown(patience) != nil {
		_ = server.Close() // somebody downloads slowly
	}
	return err
}

// say tells where the page is.
func (o *options) say(io ui.Streams, work *serve.Options) {
	host, port, _ := net.SplitHostPort(o.addr) // as the listener has it
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	at := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/"}
	if o.token != "" {
		at.RawQuery = url.Values{"token": {o.token}}.Encode()
	}
	_, _ = fmt.Fprintf(io.Out, "open %s\n", at.String())
	io.Note("project: %s", infile.Shown(o.project))
	io.Note("network: %s", work.Network.Name)
	if work.Network.Note != "" {
		io.Note("note: %s", work.Network.Note)
	}
	io.Note("ctrl-C stops the server; the same command goes on with the project")
	if o.open {
		if err := browse(at.String()); err != nil {
			io.Warn("--open: %v; open the address above yourself", err)
		}
	}
}
