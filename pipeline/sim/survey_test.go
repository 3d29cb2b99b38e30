package sim

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

func TestSurvey(t *testing.T) {
	n := number("SEEDS", 0)
	if n == 0 {
		return
	}
	kinds := map[string][]string{}
	for seed := range uint64(n) {
		func() {
			defer func() {
				if v := recover(); v != nil {
					k := fmt.Sprint("PANIC ", v)
					kinds[k] = append(kinds[k], fmt.Sprint(seed))
				}
			}()
			s := Play(Seeded(seed), setupOf(t, seed))
			if len(s.Breaches) > 0 {
				k, _, _ := strings.Cut(s.Breaches[0], " ")
				kinds[k] = append(kinds[k], fmt.Sprint(seed, " ", s.Breaches[0]))
			}
		}()
	}
	var names []string
	for k := range kinds {
		names = append(names, k)
	}
	sort.Slice(names, func(i, j int) bool { return len(kinds[names[i]]) > len(kinds[names[j]]) })
	for _, k := range names {
		t.Logf("%5d %s", len(kinds[k]), k)
		for _, e := range kinds[k][:min(6, len(kinds[k]))] {
			t.Logf("          %s", e)
		}
	}
}
