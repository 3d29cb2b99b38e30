package main

import (
	"bytes"
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// laidOver is a folder in which one file is another one's content. Neither the
// file nor the folders above it need be there. Folders are listed by ReadDir,
// not by what Open gives.
type laidOver struct {
	fs.FS
	name string
	src  []byte
}

// Open opens a file.
func (o laidOver) Open(name string) (fs.File, error) {
	if name == o.name {
		return &laidFile{bytes.NewReader(o.src), o.entry(path.Base(name), false)}, nil
	}
	return o.FS.Open(name)
}

// Stat describes a file or folder.
func (o laidOver) Stat(name string) (fs.FileInfo, error) {
	_, above := o.child(name)
	st, err := fs.Stat(o.FS, name)
	switch {
	case name == o.name:
		return o.entry(path.Base(name), false), nil
	case above && err != nil:
		return o.entry(path.Base(name), true), nil //nolint:nilerr // the folder is there by what lies in it
	}
	return st, err
}

// ReadDir lists a folder.
func (o laidOver) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(o.FS, name)
	child, above := o.child(name)
	if !above {
		return all, err
	}
	isFolder := path.Join(name, child) != o.name
	at := slices.IndexFunc(all, func(e fs.DirEntry) bool { return e.Name() == child })
	switch {
	case at < 0:
		all = append(all, o.entry(child, isFolder))
	case !isFolder:
		all[at] = o.entry(child, false)
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return all, nil
}

// child returns the name in folder dir on the way to the file.
func (o laidOver) child(dir string) (name string, above bool) {
	rest, above := o.name, true
	if dir != "." {
		rest, above = strings.CutPrefix(o.name, dir+"/")
	}
	name, _, _ = strings.Cut(rest, "/")
	return name, above
}

func (o laidOver) entry(name string, dir bool) laidEntry { return laidEntry{name, dir, len(o.src)} }

// laidFile is the file that is laid over.
type laidFile struct {
	*bytes.Reader
	laidEntry
}

// Size returns the file's size in bytes.
func (f *laidFile) Size() int64 { return f.laidEntry.Size() }

// Stat describes the file.
func (f *laidFile) Stat() (fs.FileInfo, error) { return f.laidEntry, nil }

// Close does nothing.
func (f *laidFile) Close() error { return nil }

// laidEntry describes the file, or a folder above it.
type laidEntry struct {
	name string
	dir  bool
	size int
}

// Name returns the name in its folder.
func (e laidEntry) Name() string { return e.name }

// IsDir tells a folder.
func (e laidEntry) IsDir() bool { return e.dir }

// Size returns the size of the file in bytes.
func (e laidEntry) Size() int64 { return int64(e.size) }

// ModTime returns no time.
func (e laidEntry) ModTime() time.Time { return time.Time{} }

// Sys returns nothing.
func (e laidEntry) Sys() any { return nil }

// Info describes it.
func (e laidEntry) Info() (fs.FileInfo, error) { return e, nil }

// Type tells a folder from a file.
func (e laidEntry) Type() fs.FileMode { return e.Mode().Type() }

// Mode tells a folder from a file, and that both may only be read.
func (e laidEntry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
