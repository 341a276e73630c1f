//! `perch pool` where there is no pool.

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_alone_is_a_pool_of_one() {
    let scene = Scene::start().await;
    let pool = scene.run("pool status --json").await.json();
    let member = &pool["members"][0];
    assert_eq!(
        (&member["name"], &member["state"], &member["alive"], &member["asked"]),
        (&"perch".into(), &"active".into(), &true.into(), &true.into())
    );
    let refused = "perch: it is the last active member: there is no other to take its clients\n";
    scene.run("pool drain").await.check(1, "", refused);
    scene.run("pool deactivate perch").await.check(1, "", refused);
    scene.run("pool activate").await.check(0, "perch is to be active\n", "");
    scene.run("pool drain nobody").await.check(1, "", "perch: there is no member of this name in the pool\n");
    scene.stop().await;
}
