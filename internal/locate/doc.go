// Package locate finds files by the names that other machines gave them: with
// backslashes, letters of another case, folders of a server, or the random prefix that an
// annotation tool put before them. It follows linked folders, each once, and tells
// whether two paths are one file.
package locate
