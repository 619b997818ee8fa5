package experiment

import (
	"maps"
	"slices"

	"hdmnet/internal/config"
)

// releaseSeeds are those of the release's test.
var releaseSeeds = []int{510, 365, 382, 322, 988, 98, 742, 17, 595, 106}

// Protocol is a way of the field to score: how many episodes, drawn with which seeds.
type Protocol struct {
	Seeds []int
	// LikeRelease: scores are compared with those of the released program, label by label.
	LikeRelease bool
	episodes    int // 0: as many as the release's test takes on the data set
}

// protocols by name: the release's test, what training reports, BAM's test, and a look.
var protocols = map[string]Protocol{
	"hdmnet": {Seeds: releaseSeeds, LikeRelease: true},
	"val":    {Seeds: []int{321}, LikeRelease: true, episodes: 1000},
	"bam":    {Seeds: releaseSeeds[:5], LikeRelease: true, episodes: 1000},
	"quick":  {Seeds: releaseSeeds[:1], episodes: 200},
}

// ProtocolNames are the names that FindProtocol knows, in order.
func ProtocolNames() []string { return slices.Sorted(maps.Keys(protocols)) }

// FindProtocol returns the protocol of a name.
func FindProtocol(name string) (Protocol, bool) {
	p, ok := protocols[name]
	return p, ok
}

// Episodes is the number of episodes with each seed on a data set.
func (p Protocol) Episodes(c *config.Dataset) int {
	if p.episodes == 0 {
		return registry[c.Name].testEpisodes
	}
	return p.episodes
}
