// Package configs embeds the settings that hdmnet ships: one YAML file per data set
// and backbone. Package config reads them.
package configs

import "embed"

// FS holds the *.yaml files of this directory.
//
//go:embed *.yaml
var FS embed.FS
