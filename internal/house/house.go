// Package house holds the program to its plan, rooms_test.go: which packages there are, in
// which room each lives, and which rooms it may use. A new package needs a room, and an
// import that the plan does not have fails the test.
package house
