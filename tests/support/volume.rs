//! Small file systems of their own, for whoever is root.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mounted file system; unmounted when dropped.
pub struct Volume {
    pub path: PathBuf,
    image: Option<PathBuf>,
}

impl Volume {
    /// A file system in memory of so many mebibytes; `None`, said loudly, where it cannot be mounted.
    pub fn in_memory(path: &Path, mib: u32) -> Option<Volume> {
        std::fs::create_dir_all(path).expect("a directory");
        let size = format!("size={mib}m");
        mounted(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path))
            .then(|| Volume { path: path.to_owned(), image: None })
    }

    /// An ext4 in an image file; `None`, said loudly, where it cannot be made or mounted.
    pub fn ext4(path: &Path, image: &Path, mib: u32) -> Option<Volume> {
        std::fs::create_dir_all(path).expect("a directory");
        let file = std::fs::File::create(image).expect("an image");
        file.set_len(u64::from(mib) << 20).expect("an image");
        let volume = Volume { path: path.to_owned(), image: Some(image.to_owned()) };
        (quiet(Command::new("mkfs.ext4").arg("-q").arg(image)) && volume.mount()).then_some(volume)
    }

    fn mount(&self) -> bool {
        match &self.image {
            Some(image) => mounted(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&self.path)),
            None => true,
        }
    }

    /// Gets ready to freeze an ext4 as a power cut does: what was not synced is lost, later writes fail. Needs python3.
    pub fn power(&self) -> Power {
        // EXT4_IOC_SHUTDOWN with the flag for "without flushing the journal".
        let script = "import fcntl,os,struct,sys\nfd=os.open(sys.argv[1],os.O_RDONLY)\nsys.stdin.read(1)\n\
                      fcntl.ioctl(fd,0x8004587D,struct.pack('I',2))";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(&self.path).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Power(command.spawn().ok())
    }

    /// Unmounts and mounts it, as a restart of the machine does.
    pub fn remount(&self) {
        assert!(quiet(Command::new("umount").arg(&self.path)), "it can be unmounted");
        assert!(self.mount(), "it can be mounted again");
    }
}

/// What cuts the power.
pub struct Power(Option<Child>);

impl Power {
    /// Cuts it; whether that worked.
    pub fn cut(self) -> bool {
        let Some(mut child) = self.0 else { return false };
        // The pipe is closed with what was written to it.
        let told = child.stdin.take().is_some_and(|mut pipe| pipe.write_all(b"!").is_ok());
        told && child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        quiet(Command::new("umount").arg("-l").arg(&self.path));
    }
}

fn mounted(command: &mut Command) -> bool {
    let done = quiet(command);
    if !done {
        eprintln!("SKIPPED: {command:?} failed; this test needs root and loop devices");
    }
    done
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
