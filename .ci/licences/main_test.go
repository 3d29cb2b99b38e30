package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTell(t *testing.T) {
	tests := map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                                                              "Apache-2.0",
		"Permission is hereby granted, free of charge, to any\nperson obtaining a copy":                                             "MIT",
		"Redistribution and use in source and binary forms ... Neither the name of X may be used to endorse or promote products":    "BSD-3-Clause",
		"Redistribution and use in source and binary forms, with or without modification, are permitted":                            "BSD-2-Clause",
		"ISC License. Permission to use, copy, modify, and distribute this software":                                                "ISC",
		"Mozilla Public License, version 2.0":                                                                                       "MPL-2.0",
		"GNU AFFERO GENERAL PUBLIC LICENSE Version 3":                                                                               "AGPL-3.0",
		"GNU General Public License, and parts under: Permission is hereby granted, free of charge, to any person obtaining a copy": "GPL",
	}
	for text, want := range tests {
		got, ok := tell(text)
		require.True(t, ok, text)
		require.Equal(t, want, got.name, text)
	}
	_, ok := tell("all rights reserved")
	require.False(t, ok)
}

func TestLicencesOfRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "example.org/m has no licence: without one nobody may use it",
		"all rights reserved":                "example.org/m: nobody can tell the licence in LICENSE: look at it, and teach .ci/licences",
		"GNU General Public License":         "example.org/m: GPL is no licence for a program that customers get: do without the module",
		"Business Source License 1.1":        "example.org/m: BUSL-1.1 is no licence for a program that customers get: do without the module",
		"Server Side Public License, v1":     "example.org/m: SSPL-1.0 is no licence for a program that customers get: do without the module",
		"GNU Affero General Public License.": "example.org/m: AGPL-3.0 is no licence for a program that customers get: do without the module",
	} {
		m := module{Path: "example.org/m", Dir: t.TempDir()}
		if text != "" {
			require.NoError(t, os.WriteFile(filepath.Join(m.Dir, "LICENSE"), []byte(text), 0o600))
		}
		_, err := licencesOf(m)
		require.EqualError(t, err, want)
	}
}
