package dist

import (
	"bytes"
	"encoding/gob"
	"fmt"
)

// Collect gives to every process what all have made of n things, in the order of these: mine
// is what this one has made of its part, each process's Shard(1). T must be a type of package
// gob.
func Collect[T any](l Link, n int, mine []T) ([]T, error) {
	place := l.Place()
	if place.Size == 1 {
		return mine, nil
	}
	parts, err := Exchange(l, mine)
	if err != nil {
		return nil, err
	}
	all := make([]T, n)
	for rank, made := range parts {
		part := Place{Rank: rank, Size: place.Size}.Shard(1)
		if len(made) != part.Len(n) {
			return nil, fmt.Errorf("process %d has made %d things of %d; all must run with the same settings", rank, len(made), part.Len(n))
		}
		for i, v := range made {
			all[part.Position(i)] = v
		}
	}
	return all, nil
}

// Exchange gives to every process the values of all, by rank. T must be a type of package
// gob.
func Exchange[T any](l Link, mine T) ([]T, error) {
	if l.Place().Size == 1 {
		return []T{mine}, nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&mine); err != nil {
		panic(err) // the type cannot be encoded
	}
	parts, err := l.Gather(b.Bytes())
	if err != nil {
		return nil, err
	}
	all := make([]T, len(parts))
	for rank, b := range parts {
		if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&all[rank]); err != nil {
			return nil, fmt.Errorf("what process %d has to tell: %w; all must run the same version with the same settings", rank, err)
		}
	}
	return all, nil
}
