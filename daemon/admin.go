package daemon

import (
	"os"
	"os/user"
	"strconv"

	"github.com/a472be26/cusp/daemon/peer"
)

// defaultAdminGroup need not be there: without it nobody is in it.
const defaultAdminGroup = "cusp-admin"

// administrator tells who may see what was asked and answered: root, the daemon's
// own user, and the members of a group.
func (d *device) administrator() func(peer.Cred) bool {
	gid, known := d.adminGroup()
	return func(who peer.Cred) bool {
		return who.UID == 0 || who.UID == os.Getuid() || known && who.Has(gid)
	}
}

func (d *device) adminGroup() (gid int, known bool) {
	name := d.cfg.API.AdminGroup
	g, err := user.LookupGroup(name)
	if err == nil {
		name = g.Gid
	}
	gid, err = strconv.Atoi(name)
	if err != nil && name != "" && name != defaultAdminGroup {
		d.log.Warn("there is no such group of administrators", "key", "api.admin_group", "group", name)
	}
	return gid, err == nil
}
