package main

import "testing"

func TestADriveFollowsTheStreets(t *testing.T) {
	if got, want := minutes(point{3, 5}, point{1, -1}), 8*60/kilometresPerHour; got != want {
		t.Errorf("got %d minutes, want %d", got, want)
	}
}

func TestHalfAPointIsRefused(t *testing.T) {
	if _, err := parsePoint("3"); err == nil {
		t.Error("accepted")
	}
}
