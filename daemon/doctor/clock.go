package doctor

import (
	"context"
	"time"
)

// firstYear is before any of this was written: a clock that says less has lost
// its battery, or never had one.
const firstYear = 2025

// clock looks whether the time can be right: certificates, deadlines and the
// order of models stand on it.
func clock(_ context.Context, s *subject) []Finding {
	const remedy = "set it, and keep it so: timedatectl set-ntp true (systemd-timesyncd or chrony)"
	now := s.Now()
	latest, source := s.latest()
	switch {
	case now.Year() < firstYear || now.Year() > 2099:
		return only(failure(remedy, "it is %s here, which cannot be", day(now)))
	case now.Before(s.Built):
		return only(failure(remedy, "it is %s here, before this program was made (%s)", day(now), day(s.Built)))
	case now.Before(latest.Add(-time.Hour)):
		return only(failure(remedy, "it is %s here, before the date of the %s (%s)", now.UTC().Format(time.DateTime), source, latest.UTC().Format(time.DateTime)))
	}
	synced, err := s.Synced()
	switch {
	case err != nil:
		return only(warning("ask outside of the container", "it is %s here; whether the clock is synchronized cannot be told: %v", day(now), err))
	case !synced:
		return only(warning(remedy, "it is %s here, and nobody keeps the clock right: the kernel says that it is not synchronized", now.UTC().Format(time.DateTime)))
	}
	return only(ok("%s UTC, synchronized", now.UTC().Format(time.DateTime)))
}
