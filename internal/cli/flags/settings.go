// Package flags holds what the flags of several commands have in common: those that stand
// for settings, for the device and for the lists of a data set.
package flags

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
)

// Settings are the flags that stand for settings, by key. A flag that is not given
// changes nothing.
type Settings struct {
	Cmd  *cobra.Command
	keys map[string][]string // flag → keys
	set  []string
}

// NewSettings adds --set to a command.
func NewSettings(cmd *cobra.Command) *Settings {
	s := &Settings{Cmd: cmd, keys: map[string][]string{}}
	cmd.Flags().StringArrayVar(&s.set, "set", nil, "set a setting, `KEY=VALUE`, such as eval.batch=4 (see hdmnet config show); repeatable")
	return s
}

// Bind makes a flag stand for keys.
func (s *Settings) Bind(flag string, keys ...string) { s.keys[flag] = keys }

// Given tells whether a flag is on the command line.
func (s *Settings) Given(flag string) bool { return s.Cmd.Flags().Changed(flag) }

// Source tells what on the command line gives a key: "--shots", "--set model.shots", or
// nothing.
func (s *Settings) Source(key string) string {
	for flag, keys := range s.keys {
		if s.Given(flag) && slices.Contains(keys, key) {
			return "--" + flag
		}
	}
	for _, set := range s.set {
		if k, _, _ := strings.Cut(set, "="); config.CurrentKey(strings.TrimSpace(k)) == key {
			return "--set " + key
		}
	}
	return ""
}

// Options are the settings of the command line.
func (s *Settings) Options(io ui.Streams) (config.Options, error) {
	o := config.Options{Env: io.Env, Set: s.set, Overrides: map[string]any{}, Warn: func(text string) { io.Warn("%s", text) }}
	for flag, keys := range s.keys {
		if !s.Given(flag) {
			continue
		}
		for _, key := range keys {
			value, err := flagValue(s.Cmd, flag)
			if err != nil {
				return o, err
			}
			o.Overrides[key] = value
		}
	}
	return o, nil
}

// Load reads a configuration with the settings of the command line over it.
func (s *Settings) Load(io ui.Streams, configuration string) (*config.Config, error) {
	o, err := s.Options(io)
	if err != nil {
		return nil, err
	}
	o.Config = configuration
	return config.Load(o)
}

func flagValue(cmd *cobra.Command, name string) (any, error) {
	f := cmd.Flags()
	switch f.Lookup(name).Value.Type() {
	case "int":
		return f.GetInt(name)
	case "bool":
		return f.GetBool(name)
	case "intSlice":
		return f.GetIntSlice(name)
	}
	return f.GetString(name)
}
