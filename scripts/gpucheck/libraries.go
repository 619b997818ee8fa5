package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const librariesVariable = "HDMNET_CUDA_LIBRARIES"

// takeLibraries makes every step use the cuBLASLt and cuDNN that python3 has, where the system
// has none of its own and the variable is not set. It says so, for times depend on it.
func (c *check) takeLibraries(ctx context.Context) {
	if os.Getenv(librariesVariable) != "" {
		return
	}
	out, _ := c.hdmnet(ctx, nil, "doctor", "--device", c.device, "--self-test=false", "--measure=false", "--json") // a failure is for the step doctor to tell
	var report struct {
		Device struct {
			Python struct {
				Python  string   `json:"python"`
				Folders []string `json:"folders"`
			} `json:"python_libraries"`
		} `json:"device"`
	}
	if json.Unmarshal(out, &report) != nil || len(report.Device.Python.Folders) == 0 {
		return
	}
	value := strings.Join(report.Device.Python.Folders, string(filepath.ListSeparator))
	if err := os.Setenv(librariesVariable, value); err != nil {
		return
	}
	said := fmt.Sprintf("NVIDIA's libraries are those of %s: %s=%s", report.Device.Python.Python, librariesVariable, value)
	fmt.Println(said)
	_, _ = fmt.Fprintln(c.log, said)
}
