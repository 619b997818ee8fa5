package flags

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/experiment"
	"hdmnet/internal/weights"
)

// Network is the flags that name one network: --run, or --weights with --key and --config.
type Network struct {
	Run, Weights, Config string
	key                  string
}

// Add adds the flags to a command.
func (n *Network) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&n.Run, "run", "", "folder of the run, `DIR`, whose network is used")
	f.StringVar(&n.Weights, "weights", "", "`FILE` of weights (safetensors, .pth) to use instead of a run; --config says the settings")
	Key(cmd, &n.key)
	ConfigForWeights(cmd, &n.Config)
}

// Named tells whether a network is named.
func (n *Network) Named() bool { return n.Run != "" || n.Weights != "" }

// Check refuses flags that do not go together. Where a network must be named, it refuses none, too.
func (n *Network) Check(must bool) error {
	switch {
	case n.Run != "" && n.Weights != "", must && !n.Named():
		return ui.Usagef("give either --run DIR or --weights FILE: the network to use")
	case n.Weights == "" && n.key != "":
		return ui.Usagef("--key goes with --weights; a run has one network")
	case n.Weights == "" && n.Config != "":
		return ui.Usagef("--config goes with --weights; other networks have their own settings")
	}
	return nil
}

// Source is where the network is.
func (n *Network) Source() experiment.Source {
	return experiment.Source{Run: n.Run, File: WithKey(n.Weights, n.key)}
}

// Key adds --key, for files that hold several networks.
func Key(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "key", "", "the dict or prefix `NAME` in the file that holds the network, such as state_dict_ema (as FILE#NAME does)")
}

// WithKey is a file of weights with the key of --key, unless it has one of its own.
func WithKey(path, key string) string {
	if _, own := weights.SplitKey(path); key == "" || own != "" || path == "" {
		return path
	}
	return path + "#" + key
}
