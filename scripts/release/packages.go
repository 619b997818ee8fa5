package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/cli/manual"
)

// The tools that `go run` fetches.
const (
	nfpm      = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4"
	cyclonedx = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"
)

// packages makes the .deb and the .rpm of a target.
func (r *release) packages(ctx context.Context, t target, binary string) error {
	libc := ""
	if t.cuda {
		var err error
		if libc, err = libraryVersion(ctx, binary); err != nil {
			return err
		}
	}
	config, err := r.packageConfig(t, binary, libc)
	if err != nil {
		return err
	}
	for _, kind := range []string{"deb", "rpm"} {
		name := "hdmnet_" + r.version + "_" + t.name() + "." + kind
		to, err := filepath.Abs(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		if err := run(ctx, []string{"SOURCE_DATE_EPOCH=" + fmt.Sprint(r.date.Unix())}, "go", "run", nfpm, "package", "--config", config, "--packager", kind, "--target", to); err != nil {
			return err
		}
		fmt.Println(name)
	}
	return nil
}

// libraryVersion is the oldest version of the C library that a program runs with.
func libraryVersion(ctx context.Context, binary string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "run", "./scripts/glibc", binary).Output()
	if err != nil {
		return "", fmt.Errorf("ask which C library %s needs: %w", binary, err)
	}
	fields := strings.Fields(string(out))
	return fields[len(fields)-1], nil
}

// content is a file of a package.
type content struct {
	Source string         `yaml:"src"`
	Target string         `yaml:"dst"`
	Info   map[string]any `yaml:"file_info"`
}

// packageConfig writes nfpm's settings and returns their file. libc is the C library's
// version that the program needs, empty for none.
func (r *release) packageConfig(t target, binary, libc string) (string, error) {
	var all []content
	add := func(from, to string, mode int) {
		all = append(all, content{from, to, map[string]any{"mode": mode, "mtime": r.date, "owner": "root", "group": "root"}})
	}
	add(binary, "/usr/bin/hdmnet", 0o755)
	add("LICENSE", "/usr/share/doc/hdmnet/copyright", 0o644)
	add(filepath.Join(r.work, "NOTICE"), "/usr/share/doc/hdmnet/NOTICE", 0o644)
	add("README.md", "/usr/share/doc/hdmnet/README.md", 0o644)
	pages, err := below(r.work, manual.Man)
	if err != nil {
		return "", err
	}
	for _, f := range pages {
		packed := filepath.Join(r.work, f.name+".gz")
		if err := r.gzip(packed, f.from); err != nil {
			return "", err
		}
		add(packed, "/usr/share/man/man1/"+path.Base(f.name)+".gz", 0o644)
	}
	for _, c := range [][2]string{
		{"hdmnet.bash", "/usr/share/bash-completion/completions/hdmnet"}, {"_hdmnet", "/usr/share/zsh/vendor-completions/_hdmnet"},
		{"hdmnet.fish", "/usr/share/fish/vendor_completions.d/hdmnet.fish"},
	} {
		add(filepath.Join(r.work, manual.Completions, c[0]), c[1], 0o644)
	}
	about := map[string]any{
		"name": "hdmnet", "arch": t.arch, "platform": "linux", "version": r.version, "mtime": r.date, "section": "science", "license": "MIT",
		"maintainer": "the hdmnet authors", "description": "Few-shot segmentation with HDMNet: train, score, predict",
		"contents": all, "rpm": map[string]any{"buildhost": "localhost"}, "deb": map[string]any{"compression": "gzip"},
	}
	if t.cuda {
		about["name"], about["conflicts"], about["provides"] = "hdmnet-cuda", []string{"hdmnet"}, []string{"hdmnet"}
		about["depends"] = []string{"libc6 (>= " + libc + ")"}
		about["overrides"] = map[string]any{"rpm": map[string]any{"depends": []string{"glibc >= " + libc}}}
	}
	text, err := yaml.Marshal(about)
	if err != nil {
		return "", err
	}
	config := filepath.Join(r.work, t.name()+".yaml")
	return config, os.WriteFile(config, text, 0o644)
}

// components writes the list of components (SBOM) in CycloneDX's format, of a binary.
func (r *release) components(ctx context.Context, t target) error {
	cmd := exec.CommandContext(ctx, "go", "run", cyclonedx, "bin", "-json", "-noserial", "-version", r.version, filepath.Join(r.work, t.name(), t.binary()))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list the components: %w", err)
	}
	var list map[string]any
	if err := json.Unmarshal(out, &list); err != nil {
		return fmt.Errorf("list of components: %w", err)
	}
	if about, ok := list["metadata"].(map[string]any); ok {
		about["timestamp"] = r.date.Format("2006-01-02T15:04:05Z")
		delete(about, "tools") // with checksums of the tool's own binary, which differ by machine
	}
	name := "hdmnet_" + r.version + "_" + t.name() + ".cdx.json"
	fmt.Println(name)
	return atomicfile.Write(filepath.Join(r.out, name), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	})
}
