package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/pipeline/history"
)

func TestResult(t *testing.T) {
	r := &result{Scenario: "kills"}
	require.False(t, r.sound(), "what was not judged is not sound")
	r.judged(&history.Report{Events: 9, Calls: 8})
	r.timed([]harm{{"a", 3 * time.Second}, {"b", 0}, {"c", time.Second}, {"d", 2 * time.Second}})
	require.True(t, r.sound())
	require.Equal(t, []float64{2, 3}, []float64{r.SteadyMedian, r.SteadyMax})
	r.Troubles = []string{"odd"}
	require.False(t, r.sound())
}

func TestReports(t *testing.T) {
	good := &result{Scenario: "kills", Took: 1.2, PeakMiB: 64}
	good.judged(&history.Report{Events: 9, Calls: 8})
	good.timed([]harm{{"kill 1: d1", 2500 * time.Millisecond}})
	bad := &result{Scenario: "storm", Logs: "/tmp/x", Troubles: []string{"d2 ended by itself"}}
	bad.judged(&history.Report{Counts: [history.Classes]int64{history.Lost: 1}, Findings: []history.Finding{{Class: history.Lost, What: "v2 is gone"}}})
	var table bytes.Buffer
	require.NoError(t, printTable(&table, []*result{good, bad}))
	require.Equal(t, `storm: lost: v2 is gone

storm: d2 ended by itself

  scenario  harms  events  calls  lost  duplicates  regressions  stuck  unaccounted  illegal_sequence  troubles  steady p50    max  peak MiB  took
     kills      1       9      8     0           0            0      0            0                 0         0       2.5 s  2.5 s        64   1 s
     storm      0       0      0     1           0            0      0            0                 0         1       0.0 s  0.0 s         0   0 s
storm is not sound; logs in /tmp/x
`, table.String())

	var text bytes.Buffer
	require.NoError(t, printJSON(&text, []*result{good, bad}))
	var back struct {
		Results []struct {
			Scenario string
			Harms    []struct {
				What   string
				Steady float64 `json:"steady_s"`
			}
			Verdict map[string]int64
		}
		Sound bool
	}
	require.NoError(t, json.Unmarshal(text.Bytes(), &back))
	require.False(t, back.Sound)
	require.Equal(t, "kill 1: d1", back.Results[0].Harms[0].What)
	require.InDelta(t, 2.5, back.Results[0].Harms[0].Steady, 0)
	require.Equal(t, int64(1), back.Results[1].Verdict["lost"])
}
