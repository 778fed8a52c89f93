package gatehouse

// Role is what a person is within a project, or for the whole house.
type Role string

// The roles. Custodian, checker, operator and auditor are held for the whole
// house (scope "*"); lead and researcher for one project.
const (
	RoleResearcher Role = "researcher"
	RoleLead       Role = "lead"
	RoleCustodian  Role = "custodian"
	RoleChecker    Role = "checker"
	RoleOperator   Role = "operator"
	RoleAuditor    Role = "auditor"
)

// Action is something that a principal may be allowed to do. The rules stand
// in infra/policy; the names here are the complete list.
type Action string

// The actions.
const (
	ActionDatasetPublish   Action = "dataset.publish"   // make a version
	ActionDatasetRead      Action = "dataset.read"      // see catalogue entries (metadata only)
	ActionProjectCreate    Action = "project.create"    // draft, submit and amend a project
	ActionProjectApprove   Action = "project.approve"   // decide about a project for a dataset, and stop it
	ActionProjectRead      Action = "project.read"      // see a project
	ActionProjectSign      Action = "project.sign"      // sign the agreement of one's project
	ActionDocumentAdd      Action = "document.add"      // add certificates and other documents to a project
	ActionDocumentRead     Action = "document.read"     // read those that are for one
	ActionWorkspaceOpen    Action = "workspace.open"    // start a workspace, make its tokens
	ActionWorkspaceQuery   Action = "workspace.query"   // ask gated questions
	ActionRequestCreate    Action = "request.create"    // collect files and submit them
	ActionRequestRead      Action = "request.read"      // see a request and its files
	ActionRequestReview    Action = "request.review"    // vote on files
	ActionRequestVet       Action = "request.vet"       // agree, or not, for a dataset's custodian
	ActionRequestRelease   Action = "request.release"   // seal what two checkers approved
	ActionRequestDownload  Action = "request.download"  // take a release out
	ActionRequestRecall    Action = "request.recall"    // call a release back
	ActionPersonReidentify Action = "person.reidentify" // ask, and decide for another custodian, whom pseudonyms name
	ActionKeyDestroy       Action = "key.destroy"       // ask, and decide for another custodian, to destroy a project's keys
	ActionKeyRotate        Action = "key.rotate"        // give a project new pseudonyms
	ActionJointRead        Action = "joint.read"        // see what two custodians did
	ActionPolicyAdd        Action = "policy.add"        // add a version of a disclosure policy
	ActionJournalRead      Action = "journal.read"      // read and verify the journal
	ActionSessionRead      Action = "session.read"      // see who is signed in
	ActionSessionRevoke    Action = "session.revoke"    // end the sessions and tokens of others, lock users
	ActionUserAdd          Action = "user.add"          // make users known, and link the first account of somebody who is nobody yet
	ActionRolePropose      Action = "role.propose"      // ask that somebody be given a role of the house
	ActionRoleGrant        Action = "role.grant"        // confirm that, if another asked
	ActionRoleRevoke       Action = "role.revoke"       // take a role of the house away
	ActionCustodianName    Action = "custodian.name"    // name and remove custodians of a dataset that one is custodian of
	ActionSystemOperate    Action = "system.operate"    // see the state of engines, storage and deliveries; no data
	ActionNoticeRetry      Action = "notice.retry"      // have what could not be delivered sent again
	ActionNoticeChoose     Action = "notice.choose"     // say how one's own notices are sent
)

// Everywhere is the scope of roles that are not bound to one project.
const Everywhere = "*"

// Principal is who acts: a person, authenticated, on one session. It is made
// by the identity check and never from anything else in a request.
type Principal struct {
	User      string // stable user name, e.g. "ada"
	Session   string // id of the token or sign-in that was presented
	Workspace string // the only workspace this token reaches; "" for tokens that reach none
}

// Anonymous reports whether nobody was authenticated.
func (p Principal) Anonymous() bool { return p.User == "" }
