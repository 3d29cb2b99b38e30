package pipeline

import (
	"github.com/cespare/xxhash/v2"

	"crmsync"
)

// hashOf tells events of one version apart that should be the same: by what
// they say, not by their ids and times. The data's fields may come in any
// order, and what is inside of a field counts byte by byte. It is never 0.
func hashOf(op crmsync.Op, data []byte) uint64 {
	sum := uint64(1)
	if op == crmsync.Deleted {
		sum = 2
	}
	for i := space(data, 1); at(data, i) == '"'; {
		end := endOfString(data, i)
		from := space(data, space(data, end+1)+1)
		to := endOfValue(data, from)
		if to <= from || to > len(data) {
			break // not JSON: the decoder has refused it
		}
		var field xxhash.Digest
		field.Reset()
		_, _ = field.Write(plain(data[i : end+1]))
		_, _ = field.Write([]byte{0xff}) // no byte of UTF-8: name and value can't run together
		_, _ = field.Write(data[from:to])
		sum += field.Sum64()
		if i = space(data, to); at(data, i) == ',' {
			i = space(data, i+1)
		}
	}
	return max(sum, 1)
}
