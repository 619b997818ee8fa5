// Package bench is `hdmnet bench`: how fast the parts of the program are on a machine.
package bench

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
)

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast the program is on this machine",
		Long: `Measure how fast the program is on this machine: the whole network, its operators, matrix
products, the data loader, the queue of hdmnet serve, and what several processes exchange.

Let nothing else run meanwhile. docs/performance.md explains the results.`,
		Example: `  hdmnet bench model --config pascal5i_resnet50
  hdmnet bench model --config pascal5i_resnet50 --mode train --batch 2
  hdmnet bench data --config pascal5i_resnet50 --data-root VOC2012 --list val.txt`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newModel(io), newOps(io), newGemm(io), newRoofline(io), newData(io), newDist(io), newServe(io))
	return cmd
}

// median is the middle of the values, the mean of the two middle ones of an even number.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// peakMemory is the most memory, in bytes, that the process has held so far: on Linux its
// resident pages, elsewhere what Go has taken from the system.
func peakMemory() uint64 {
	if f, err := os.Open("/proc/self/status"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			// VmHWM:     12345 kB
			if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
				if kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64); err == nil {
					return kib << 10
				}
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}
