package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name, events, want string
		good               bool
	}{
		{
			name: "all pass",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":1.25}
{"Action":"skip","Package":"q"}`,
			want: `ok    p                                                1.2s
-     q                                             no tests
1 passed, 0 failed, 0 skipped
`,
			good: true,
		},
		{
			name: "a failure is shown whole",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: why\n"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p","Test":"TestA","Elapsed":0.5}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p","Elapsed":2}`,
			want: `FAIL  p TestA (0.5s)
      === RUN   TestA
          a_test.go:1: why
FAIL  p (2.0s)
      FAIL
failed: p
failed: p TestA
1 passed, 2 failed, 0 skipped
`,
		},
		{
			name: "a skip is a fault, with its reason",
			events: `{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: no server\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`,
			want: `skipped: p TestA: a_test.go:1: no server
1 passed, 0 failed, 1 skipped
`,
		},
		{
			name: "a build that fails",
			events: `{"ImportPath":"p","Action":"build-output","Output":"a.go:1: syntax\n"}
{"ImportPath":"p","Action":"build-fail"}`,
			want: `FAIL  p (0.0s)
      a.go:1: syntax
failed: p
no test passed: nothing was tested
0 passed, 1 failed, 0 skipped
`,
		},
		{
			name:   "what is no event is printed",
			events: "go: cannot find main module",
			want: `go: cannot find main module
no test passed: nothing was tested
0 passed, 0 failed, 0 skipped
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r, err := read(strings.NewReader(test.events), &out)
			require.NoError(t, err)
			require.Equal(t, test.good, r.close(&out))
			require.Equal(t, test.want, out.String())
		})
	}
}
