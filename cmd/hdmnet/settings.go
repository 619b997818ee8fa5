package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/config"
)

// loadConfig reads settings; what is wrong with their content is a usage error.
func loadConfig(o config.Options) (*config.Config, error) {
	c, err := config.Load(o)
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return nil, &usageError{err}
	}
	return c, err
}

// settings are the flags that stand for settings, by key. A flag that is not given
// changes nothing.
type settings struct {
	cmd  *cobra.Command
	keys map[string][]string // flag → keys
	set  []string
}

func newSettings(cmd *cobra.Command) *settings {
	s := &settings{cmd: cmd, keys: map[string][]string{}}
	cmd.Flags().StringArrayVar(&s.set, "set", nil, "a setting, `KEY=VALUE`, such as eval.batch=4; may be repeated")
	return s
}

// bind makes a flag stand for keys.
func (s *settings) bind(flag string, keys ...string) { s.keys[flag] = keys }

// given tells whether a flag is on the command line.
func (s *settings) given(flag string) bool { return s.cmd.Flags().Changed(flag) }

// source tells what on the command line gives a key: "--shots", "--set model.shots", or
// nothing.
func (s *settings) source(key string) string {
	for flag, keys := range s.keys {
		if s.given(flag) && slices.Contains(keys, key) {
			return "--" + flag
		}
	}
	for _, set := range s.set {
		if k, _, _ := strings.Cut(set, "="); strings.TrimSpace(k) == key {
			return "--set " + key
		}
	}
	return ""
}

// splitFits refuses --split where there is only one.
func (s *settings) splitFits(c *config.Config) error {
	if s.given("split") && c.Dataset.Name != "coco20i" {
		return usagef("--split chooses between the two ways to split COCO-20i; %s has one: leave it out", c.Dataset.Name)
	}
	return nil
}

// options are the settings of the command line.
func (s *settings) options(env []string) (config.Options, error) {
	o := config.Options{Env: env, Set: s.set, Overrides: map[string]any{}}
	for flag, keys := range s.keys {
		if !s.given(flag) {
			continue
		}
		for _, key := range keys {
			value, err := flagValue(s.cmd, flag)
			if err != nil {
				return o, err
			}
			o.Overrides[key] = value
		}
	}
	return o, nil
}

// load reads a configuration with the settings of the command line over it.
func (s *settings) load(io Streams, configuration string) (*config.Config, error) {
	o, err := s.options(io.Env)
	if err != nil {
		return nil, err
	}
	o.Config = configuration
	return loadConfig(o)
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
