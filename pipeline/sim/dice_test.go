package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiceFallAsTheirTapeSays(t *testing.T) {
	seeded := Seeded(7)
	var first []int
	for range 50 {
		first = append(first, seeded.N(6))
	}
	replayed := Replay(seeded.Tape())
	for _, n := range first {
		require.Equal(t, n, replayed.N(6))
	}
	require.Zero(t, replayed.N(6), "past the end of the tape all is dull")
	require.False(t, replayed.Chance(999), "no trouble comes past the end of the tape")
}

func TestChance(t *testing.T) {
	d, hits := Seeded(1), 0
	for range 10_000 {
		if d.Chance(100) {
			hits++
		}
	}
	require.InDelta(t, 1000, hits, 150)
}

func TestShrink(t *testing.T) {
	tape := []uint32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}
	needsNine := func(tape []uint32) bool { return slices.Contains(tape, 9) }
	require.Equal(t, []uint32{9}, Shrink(tape, 1000, needsNine))
	require.Equal(t, tape, Shrink(tape, 0, needsNine), "no try, no change")
	third := func(tape []uint32) bool { return len(tape) > 2 && tape[2] == 4 }
	require.Equal(t, []uint32{0, 0, 4}, Shrink(tape, 1000, third), "what must stay becomes dull")
}

func TestTroublesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for i := range Troubles {
		name := Trouble(i).String()
		require.NotEmpty(t, name, "trouble %d", i)
		require.False(t, seen[name], name)
		seen[name] = true
	}
}

func TestVariantsCompile(t *testing.T) {
	all := sets(t)
	for i := range variants {
		for _, c := range accounts {
			for _, recordType := range []string{"person", "firm", "offer", "odd"} {
				program := all.sets[i].Program(c, recordType)
				require.Equal(t, variants[i].lacks(c.Provider, recordType), program == nil, "variant %d, %s at %v", i, recordType, c.ID)
			}
		}
	}
}
