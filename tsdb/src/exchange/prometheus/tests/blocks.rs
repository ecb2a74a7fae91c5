//! Whole blocks on a simulated disk.

use std::path::Path;
use std::sync::Arc;

use nightjar_model::histogram::FloatHistogram;
use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{BlockRange, Labels};
use nightjar_platform::{Disk, DiskFile, OpenMode, SimDisk};

use super::super::{BlockWriter, ChunkSamples, ForeignBlock, Tombstones};

const NAME: &str = "01DXXFZDYD1MQW6079WK0K6EDQ";

fn labels(i: usize) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("i", &format!("{i:03}"))])
}

fn data(i: usize) -> SeriesData {
    let times: Vec<i64> = (0..300).map(|n| n * 15_000 + i as i64).collect();
    let values = (0..300).map(|n| f64::from(n * i as u32)).collect();
    let histograms = if i == 2 {
        let h = Arc::new(FloatHistogram { count: 3.0, sum: 2.5, ..FloatHistogram::default() });
        HistogramColumn { timestamps: vec![1_000_001, 4_400_000], values: vec![h.clone(), h], starts: None }
    } else {
        HistogramColumn::default()
    };
    SeriesData { floats: FloatColumn { timestamps: times.into(), values, starts: None }, histograms }
}

fn write(disk: &SimDisk, series: usize) {
    let symbols = (0..series)
        .flat_map(|i| labels(i).iter().flat_map(|l| [l.name.to_owned(), l.value.to_owned()]).collect::<Vec<_>>());
    let mut out = BlockWriter::create(disk, NAME, BlockRange { start: 0, end: 7_200_000 }, symbols).unwrap();
    (0..series).for_each(|i| out.series(&labels(i), &data(i)).unwrap());
    let meta = out.finish().unwrap();
    assert_eq!(meta.is_some(), series > 0);
}

fn open(disk: &SimDisk) -> Result<ForeignBlock<SimDisk>, String> {
    ForeignBlock::open(disk, Path::new(NAME)).unwrap()
}

#[test]
fn what_was_written_is_read() {
    let disk = SimDisk::new();
    write(&disk, 40);
    assert_eq!(ForeignBlock::find(&disk, Path::new("")).unwrap(), [Path::new(NAME)]);
    assert_eq!(ForeignBlock::find(&disk, Path::new(NAME)).unwrap(), [Path::new(NAME)]);
    let mut block = open(&disk).unwrap();
    assert_eq!((block.series_count(), block.meta().stats.num_samples), (40, 40 * 300 + 2));
    for i in 0..40 {
        let series = block.series(i).unwrap().unwrap();
        assert_eq!(series.labels, labels(i));
        let (mut out, want) = (ChunkSamples::default(), data(i));
        for chunk in &series.chunks {
            block.read(&series, *chunk, &mut out).unwrap().unwrap();
        }
        assert_eq!(out.times, want.floats.timestamps.to_vec());
        assert_eq!(out.values, want.floats.values);
        assert_eq!(out.histograms.len(), want.histograms.values.len());
        assert!(series.chunks.is_sorted_by(|a, b| a.max < b.min));
    }
}

#[test]
fn a_block_without_series_leaves_nothing() {
    let disk = SimDisk::new();
    write(&disk, 0);
    assert!(disk.list(Path::new("")).unwrap().is_empty());
}

#[test]
fn every_flipped_bit_is_noticed_or_harmless() {
    let disk = SimDisk::new();
    write(&disk, 3);
    let truth = content(&disk).unwrap();
    for file in ["index", "chunks/000001"] {
        let path = Path::new(NAME).join(file);
        let file = disk.open(&path, OpenMode::ReadWrite).unwrap();
        for at in 0..file.len().unwrap() {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << (at % 8))], at).unwrap();
            if let Ok(read) = content(&disk) {
                assert_eq!(read, truth, "bit {} of byte {at} of {}", at % 8, path.display());
            }
            file.write_all_at(&byte, at).unwrap();
        }
    }
}

/// Series with the bits of their samples.
type Content = Vec<(String, Vec<(i64, u64)>)>;

fn content(disk: &SimDisk) -> Result<Content, String> {
    let mut block = open(disk)?;
    let mut all = Vec::new();
    for i in 0..block.series_count() {
        let series = block.series(i).unwrap()?;
        let mut out = ChunkSamples::default();
        for chunk in &series.chunks {
            block.read(&series, *chunk, &mut out).unwrap()?;
        }
        all.push((
            series.labels.to_string(),
            out.times.iter().copied().zip(out.values.iter().map(|v| v.to_bits())).collect(),
        ));
    }
    Ok(all)
}

#[test]
fn tombstones_hide_samples() {
    let mut body = Vec::new();
    crate::bytes::put_varint(1, &mut body);
    crate::bytes::put_zigzag(-5, &mut body);
    crate::bytes::put_zigzag(10, &mut body);
    let mut file = 0x0130_ba30u32.to_be_bytes().to_vec();
    file.push(1);
    file.extend(&body);
    file.extend(crc32c::crc32c(&body).to_be_bytes());
    let t = Tombstones::parse(&file).unwrap();
    assert!(t.cover(1, -5) && t.cover(1, 10) && !t.cover(1, 11) && !t.cover(2, 0));
    assert!(Tombstones::parse(&file[..file.len() - 1]).is_err());
    assert_eq!(Tombstones::parse(&[0x01, 0x30, 0xba, 0x30, 1, 0, 0, 0, 0]).unwrap(), Tombstones::default());
}
