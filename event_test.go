package crmsync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// The vectors come from another implementation of FNV-1a. A hash that changed would send the same
// record to another place in each version of the program.
func TestRecordKeyHash(t *testing.T) {
	tests := []struct {
		key  crmsync.RecordKey
		want uint64
	}{
		{crmsync.RecordKey{}, 17985182406306147860},
		{crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-101"}, 15042254479814545132},
		{crmsync.RecordKey{Org: "acme", Type: "contac", ID: "tc-101"}, 8547278264407553894},
		{crmsync.RecordKey{Org: "日本", Type: "contact", ID: "🙂/1"}, 14825958402371417350},
		{crmsync.RecordKey{Org: "a", Type: "b", ID: "c"}, 4229784867384144892},
	}
	for _, test := range tests {
		t.Run(test.key.String(), func(t *testing.T) { require.Equal(t, test.want, test.key.Hash()) })
	}
}

func TestRecordKeyHashSpreads(t *testing.T) {
	const records, lanes = 64_000, 64
	var filled [lanes]int
	seen := make(map[uint64]bool, records)
	for i := range records {
		id := []byte{byte('0' + i/10_000%10), byte('0' + i/1000%10), byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)}
		hash := crmsync.RecordKey{Org: "acme", Type: "contact", ID: string(id)}.Hash()
		require.Falsef(t, seen[hash], "two ids have one hash: %s", id)
		seen[hash] = true
		filled[hash%lanes]++
	}
	for lane, n := range filled {
		require.InDeltaf(t, records/lanes, n, records/lanes/4, "lane %d", lane)
	}
}

func TestParseRecordKey(t *testing.T) {
	tests := []struct {
		text string
		want crmsync.RecordKey
		ok   bool
	}{
		{"acme/contact/c-101", crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-101"}, true},
		{"acme/contact/a/b//c/", crmsync.RecordKey{Org: "acme", Type: "contact", ID: "a/b//c/"}, true},
		{"acme/contact//", crmsync.RecordKey{Org: "acme", Type: "contact", ID: "/"}, true},
		{"日本/contact/🙂", crmsync.RecordKey{Org: "日本", Type: "contact", ID: "🙂"}, true},
		{"", crmsync.RecordKey{}, false},
		{"acme", crmsync.RecordKey{}, false},
		{"acme/contact", crmsync.RecordKey{}, false},
		{"acme/contact/", crmsync.RecordKey{}, false},
		{"/contact/1", crmsync.RecordKey{}, false},
		{"acme//1", crmsync.RecordKey{}, false},
		{"//", crmsync.RecordKey{}, false},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := crmsync.ParseRecordKey(test.text)
			require.Equal(t, test.want, got)
			if test.ok {
				require.NoError(t, err)
				require.Equal(t, test.text, got.String())
				return
			}
			require.EqualError(t, err, "record key must read org/type/id")
		})
	}
}

func FuzzParseRecordKey(f *testing.F) {
	f.Add("acme/contact/c-101")
	f.Add("acme/contact/a/b")
	f.Add("//")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := crmsync.ParseRecordKey(text)
		if err != nil {
			require.Zero(t, key)
			return
		}
		require.Equal(t, text, key.String())
		require.NotContains(t, key.Org+key.Type, "/")
		again, err := crmsync.ParseRecordKey(key.String())
		require.NoError(t, err)
		require.Equal(t, key, again)
		require.Equal(t, key.Hash(), again.Hash())
	})
}
