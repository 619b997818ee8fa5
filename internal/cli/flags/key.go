package flags

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/weights"
)

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
