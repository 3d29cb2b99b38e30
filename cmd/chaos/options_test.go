package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func chosenNames(o *options) (names []string) {
	for _, s := range o.chosen() {
		names = append(names, s.name)
	}
	return names
}

func TestOptionsChoose(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		want    []string
		figures map[string]int
	}{
		{"all", nil, scenarioNames(), map[string]int{"kills": 20, "toxics": 60}},
		{"those with a figure", []string{"-kills", "3", "-storm", "9"}, []string{"kills", "storm"}, map[string]int{"kills": 3, "storm": 9}},
		{"by name", []string{"-only", "storm,crm"}, []string{"crm", "storm"}, map[string]int{"crm": 60}},
		{"by name, with another's figure", []string{"-only", "crm", "-kills", "3"}, []string{"crm"}, nil},
		{"a figure of 0", []string{"-kills", "0", "-joins", "1"}, []string{"joins"}, nil},
		{"seconds", []string{"-only", "crm,kills", "-seconds", "7"}, []string{"kills", "crm"}, map[string]int{"crm": 7, "kills": 20}},
		{"short", []string{"-short"}, []string{"kills", "joins", "broker-kills", "denied", "storm"}, map[string]int{"kills": 5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, err := parseOptions(test.args, new(bytes.Buffer))
			require.NoError(t, err)
			require.Equal(t, test.want, chosenNames(&o))
			for _, s := range scenarios() {
				if want, ok := test.figures[s.name]; ok {
					require.Equal(t, want, o.figure(s), s.name)
				}
			}
		})
	}
}

func TestOptionsRefuse(t *testing.T) {
	tests := []struct {
		name, want string
		args       []string
	}{
		{"an unknown scenario", `there is no scenario "kill": choose of kills, pauses, joins, broker-kills, hangs, stores, letters, toxics, crm, denied, storm`, []string{"-only", "kill"}},
		{"an argument", `argument "kills": chaos takes flags only`, []string{"kills"}},
		{"no rate", "give a rate of 1 to 20,000 events a second, 2 to 500 orgs and 1 to 100,000 records of each", []string{"-rate", "0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseOptions(test.args, new(bytes.Buffer))
			require.EqualError(t, err, test.want)
		})
	}
}

func TestRunTellsWrongUsage(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, 2, run(t.Context(), []string{"-only", "nothing"}, &out, &errs))
	require.Empty(t, out.String())
	require.Equal(t, 0, run(t.Context(), []string{"-help"}, &out, new(bytes.Buffer)))
}
