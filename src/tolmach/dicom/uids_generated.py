"""UIDs of PS3.6, as pydicom 3.0.2 carries them. Made by scripts/generate_dictionary.py; do not edit."""

Verification = "1.2.840.10008.1.1"
ImplicitVRLittleEndian = "1.2.840.10008.1.2"
ExplicitVRLittleEndian = "1.2.840.10008.1.2.1"
EncapsulatedUncompressedExplicitVRLittleEndian = "1.2.840.10008.1.2.1.98"
DeflatedExplicitVRLittleEndian = "1.2.840.10008.1.2.1.99"
ExplicitVRBigEndian = "1.2.840.10008.1.2.2"
JPEGBaseline8Bit = "1.2.840.10008.1.2.4.50"
JPEGExtended12Bit = "1.2.840.10008.1.2.4.51"
JPEGExtended35 = "1.2.840.10008.1.2.4.52"
JPEGSpectralSelectionNonHierarchical68 = "1.2.840.10008.1.2.4.53"
JPEGSpectralSelectionNonHierarchical79 = "1.2.840.10008.1.2.4.54"
JPEGFullProgressionNonHierarchical1012 = "1.2.840.10008.1.2.4.55"
JPEGFullProgressionNonHierarchical1113 = "1.2.840.10008.1.2.4.56"
JPEGLossless = "1.2.840.10008.1.2.4.57"
JPEGLosslessNonHierarchical15 = "1.2.840.10008.1.2.4.58"
JPEGExtendedHierarchical1618 = "1.2.840.10008.1.2.4.59"
JPEGExtendedHierarchical1719 = "1.2.840.10008.1.2.4.60"
JPEGSpectralSelectionHierarchical2022 = "1.2.840.10008.1.2.4.61"
JPEGSpectralSelectionHierarchical2123 = "1.2.840.10008.1.2.4.62"
JPEGFullProgressionHierarchical2426 = "1.2.840.10008.1.2.4.63"
JPEGFullProgressionHierarchical2527 = "1.2.840.10008.1.2.4.64"
JPEGLosslessHierarchical28 = "1.2.840.10008.1.2.4.65"
JPEGLosslessHierarchical29 = "1.2.840.10008.1.2.4.66"
JPEGLosslessSV1 = "1.2.840.10008.1.2.4.70"
JPEGLSLossless = "1.2.840.10008.1.2.4.80"
JPEGLSNearLossless = "1.2.840.10008.1.2.4.81"
JPEG2000Lossless = "1.2.840.10008.1.2.4.90"
JPEG2000 = "1.2.840.10008.1.2.4.91"
JPEG2000MCLossless = "1.2.840.10008.1.2.4.92"
JPEG2000MC = "1.2.840.10008.1.2.4.93"
JPIPReferenced = "1.2.840.10008.1.2.4.94"
JPIPReferencedDeflate = "1.2.840.10008.1.2.4.95"
MPEG2MPML = "1.2.840.10008.1.2.4.100"
MPEG2MPMLF = "1.2.840.10008.1.2.4.100.1"
MPEG2MPHL = "1.2.840.10008.1.2.4.101"
MPEG2MPHLF = "1.2.840.10008.1.2.4.101.1"
MPEG4HP41 = "1.2.840.10008.1.2.4.102"
MPEG4HP41F = "1.2.840.10008.1.2.4.102.1"
MPEG4HP41BD = "1.2.840.10008.1.2.4.103"
MPEG4HP41BDF = "1.2.840.10008.1.2.4.103.1"
MPEG4HP422D = "1.2.840.10008.1.2.4.104"
MPEG4HP422DF = "1.2.840.10008.1.2.4.104.1"
MPEG4HP423D = "1.2.840.10008.1.2.4.105"
MPEG4HP423DF = "1.2.840.10008.1.2.4.105.1"
MPEG4HP42STEREO = "1.2.840.10008.1.2.4.106"
MPEG4HP42STEREOF = "1.2.840.10008.1.2.4.106.1"
HEVCMP51 = "1.2.840.10008.1.2.4.107"
HEVCM10P51 = "1.2.840.10008.1.2.4.108"
HTJ2KLossless = "1.2.840.10008.1.2.4.201"
HTJ2KLosslessRPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = "1.2.840.10008.1.2.4.203"
JPIPHTJ2KReferenced = "1.2.840.10008.1.2.4.204"
JPIPHTJ2KReferencedDeflate = "1.2.840.10008.1.2.4.205"
RLELossless = "1.2.840.10008.1.2.5"
RFC2557MIMEEncapsulation = "1.2.840.10008.1.2.6.1"
XMLEncoding = "1.2.840.10008.1.2.6.2"
SMPTEST211020UncompressedProgressiveActiveVideo = "1.2.840.10008.1.2.7.1"
SMPTEST211020UncompressedInterlacedActiveVideo = "1.2.840.10008.1.2.7.2"
SMPTEST211030PCMDigitalAudio = "1.2.840.10008.1.2.7.3"
MediaStorageDirectoryStorage = "1.2.840.10008.1.3.10"
HotIronPalette = "1.2.840.10008.1.5.1"
PETPalette = "1.2.840.10008.1.5.2"
HotMetalBluePalette = "1.2.840.10008.1.5.3"
PET20StepPalette = "1.2.840.10008.1.5.4"
SpringPalette = "1.2.840.10008.1.5.5"
SummerPalette = "1.2.840.10008.1.5.6"
FallPalette = "1.2.840.10008.1.5.7"
WinterPalette = "1.2.840.10008.1.5.8"
BasicStudyContentNotification = "1.2.840.10008.1.9"
Papyrus3ImplicitVRLittleEndian = "1.2.840.10008.1.20"
StorageCommitmentPushModel = "1.2.840.10008.1.20.1"
StorageCommitmentPushModelInstance = "1.2.840.10008.1.20.1.1"
StorageCommitmentPullModel = "1.2.840.10008.1.20.2"
StorageCommitmentPullModelInstance = "1.2.840.10008.1.20.2.1"
ProceduralEventLogging = "1.2.840.10008.1.40"
ProceduralEventLoggingInstance = "1.2.840.10008.1.40.1"
SubstanceAdministrationLogging = "1.2.840.10008.1.42"
SubstanceAdministrationLoggingInstance = "1.2.840.10008.1.42.1"
DICOMApplicationContext = "1.2.840.10008.3.1.1.1"
DetachedPatientManagement = "1.2.840.10008.3.1.2.1.1"
DetachedPatientManagementMeta = "1.2.840.10008.3.1.2.1.4"
DetachedVisitManagement = "1.2.840.10008.3.1.2.2.1"
DetachedStudyManagement = "1.2.840.10008.3.1.2.3.1"
StudyComponentManagement = "1.2.840.10008.3.1.2.3.2"
ModalityPerformedProcedureStep = "1.2.840.10008.3.1.2.3.3"
ModalityPerformedProcedureStepRetrieve = "1.2.840.10008.3.1.2.3.4"
ModalityPerformedProcedureStepNotification = "1.2.840.10008.3.1.2.3.5"
DetachedResultsManagement = "1.2.840.10008.3.1.2.5.1"
DetachedResultsManagementMeta = "1.2.840.10008.3.1.2.5.4"
DetachedStudyManagementMeta = "1.2.840.10008.3.1.2.5.5"
DetachedInterpretationManagement = "1.2.840.10008.3.1.2.6.1"
BasicFilmSession = "1.2.840.10008.5.1.1.1"
BasicFilmBox = "1.2.840.10008.5.1.1.2"
BasicGrayscaleImageBox = "1.2.840.10008.5.1.1.4"
BasicColorImageBox = "1.2.840.10008.5.1.1.4.1"
ReferencedImageBox = "1.2.840.10008.5.1.1.4.2"
BasicGrayscalePrintManagementMeta = "1.2.840.10008.5.1.1.9"
ReferencedGrayscalePrintManagementMeta = "1.2.840.10008.5.1.1.9.1"
PrintJob = "1.2.840.10008.5.1.1.14"
BasicAnnotationBox = "1.2.840.10008.5.1.1.15"
Printer = "1.2.840.10008.5.1.1.16"
PrinterConfigurationRetrieval = "1.2.840.10008.5.1.1.16.376"
PrinterInstance = "1.2.840.10008.5.1.1.17"
PrinterConfigurationRetrievalInstance = "1.2.840.10008.5.1.1.17.376"
BasicColorPrintManagementMeta = "1.2.840.10008.5.1.1.18"
ReferencedColorPrintManagementMeta = "1.2.840.10008.5.1.1.18.1"
VOILUTBox = "1.2.840.10008.5.1.1.22"
PresentationLUT = "1.2.840.10008.5.1.1.23"
ImageOverlayBox = "1.2.840.10008.5.1.1.24"
BasicPrintImageOverlayBox = "1.2.840.10008.5.1.1.24.1"
PrintQueueInstance = "1.2.840.10008.5.1.1.25"
PrintQueueManagement = "1.2.840.10008.5.1.1.26"
StoredPrintStorage = "1.2.840.10008.5.1.1.27"
HardcopyGrayscaleImageStorage = "1.2.840.10008.5.1.1.29"
HardcopyColorImageStorage = "1.2.840.10008.5.1.1.30"
PullPrintRequest = "1.2.840.10008.5.1.1.31"
PullStoredPrintManagementMeta = "1.2.840.10008.5.1.1.32"
MediaCreationManagement = "1.2.840.10008.5.1.1.33"
DisplaySystem = "1.2.840.10008.5.1.1.40"
DisplaySystemInstance = "1.2.840.10008.5.1.1.40.1"
ComputedRadiographyImageStorage = "1.2.840.10008.5.1.4.1.1.1"
DigitalXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.1.1"
DigitalXRayImageStorageForProcessing = "1.2.840.10008.5.1.4.1.1.1.1.1"
DigitalMammographyXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.1.2"
DigitalMammographyXRayImageStorageForProcessing = "1.2.840.10008.5.1.4.1.1.1.2.1"
DigitalIntraOralXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.1.3"
DigitalIntraOralXRayImageStorageForProcessing = "1.2.840.10008.5.1.4.1.1.1.3.1"
CTImageStorage = "1.2.840.10008.5.1.4.1.1.2"
EnhancedCTImageStorage = "1.2.840.10008.5.1.4.1.1.2.1"
LegacyConvertedEnhancedCTImageStorage = "1.2.840.10008.5.1.4.1.1.2.2"
UltrasoundMultiFrameImageStorageRetired = "1.2.840.10008.5.1.4.1.1.3"
UltrasoundMultiFrameImageStorage = "1.2.840.10008.5.1.4.1.1.3.1"
MRImageStorage = "1.2.840.10008.5.1.4.1.1.4"
EnhancedMRImageStorage = "1.2.840.10008.5.1.4.1.1.4.1"
MRSpectroscopyStorage = "1.2.840.10008.5.1.4.1.1.4.2"
EnhancedMRColorImageStorage = "1.2.840.10008.5.1.4.1.1.4.3"
LegacyConvertedEnhancedMRImageStorage = "1.2.840.10008.5.1.4.1.1.4.4"
NuclearMedicineImageStorageRetired = "1.2.840.10008.5.1.4.1.1.5"
UltrasoundImageStorageRetired = "1.2.840.10008.5.1.4.1.1.6"
UltrasoundImageStorage = "1.2.840.10008.5.1.4.1.1.6.1"
EnhancedUSVolumeStorage = "1.2.840.10008.5.1.4.1.1.6.2"
PhotoacousticImageStorage = "1.2.840.10008.5.1.4.1.1.6.3"
SecondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7"
MultiFrameSingleBitSecondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7.1"
MultiFrameGrayscaleByteSecondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7.2"
MultiFrameGrayscaleWordSecondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7.3"
MultiFrameTrueColorSecondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7.4"
StandaloneOverlayStorage = "1.2.840.10008.5.1.4.1.1.8"
StandaloneCurveStorage = "1.2.840.10008.5.1.4.1.1.9"
WaveformStorageTrial = "1.2.840.10008.5.1.4.1.1.9.1"
TwelveLeadECGWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.1.1"
GeneralECGWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.1.2"
AmbulatoryECGWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.1.3"
General32bitECGWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.1.4"
HemodynamicWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.2.1"
CardiacElectrophysiologyWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.3.1"
BasicVoiceAudioWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.4.1"
GeneralAudioWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.4.2"
ArterialPulseWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.5.1"
RespiratoryWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.6.1"
MultichannelRespiratoryWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.6.2"
RoutineScalpElectroencephalogramWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.7.1"
ElectromyogramWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.7.2"
ElectrooculogramWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.7.3"
SleepElectroencephalogramWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.7.4"
BodyPositionWaveformStorage = "1.2.840.10008.5.1.4.1.1.9.8.1"
StandaloneModalityLUTStorage = "1.2.840.10008.5.1.4.1.1.10"
StandaloneVOILUTStorage = "1.2.840.10008.5.1.4.1.1.11"
GrayscaleSoftcopyPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.1"
ColorSoftcopyPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.2"
PseudoColorSoftcopyPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.3"
BlendingSoftcopyPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.4"
XAXRFGrayscaleSoftcopyPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.5"
GrayscalePlanarMPRVolumetricPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.6"
CompositingPlanarMPRVolumetricPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.7"
AdvancedBlendingPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.8"
VolumeRenderingVolumetricPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.9"
SegmentedVolumeRenderingVolumetricPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.10"
MultipleVolumeRenderingVolumetricPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.11"
VariableModalityLUTSoftcopyPresentationStateStorage = "1.2.840.10008.5.1.4.1.1.11.12"
XRayAngiographicImageStorage = "1.2.840.10008.5.1.4.1.1.12.1"
EnhancedXAImageStorage = "1.2.840.10008.5.1.4.1.1.12.1.1"
XRayRadiofluoroscopicImageStorage = "1.2.840.10008.5.1.4.1.1.12.2"
EnhancedXRFImageStorage = "1.2.840.10008.5.1.4.1.1.12.2.1"
XRayAngiographicBiPlaneImageStorage = "1.2.840.10008.5.1.4.1.1.12.3"
XRay3DAngiographicImageStorage = "1.2.840.10008.5.1.4.1.1.13.1.1"
XRay3DCraniofacialImageStorage = "1.2.840.10008.5.1.4.1.1.13.1.2"
BreastTomosynthesisImageStorage = "1.2.840.10008.5.1.4.1.1.13.1.3"
BreastProjectionXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.13.1.4"
BreastProjectionXRayImageStorageForProcessing = "1.2.840.10008.5.1.4.1.1.13.1.5"
IntravascularOpticalCoherenceTomographyImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.14.1"
IntravascularOpticalCoherenceTomographyImageStorageForProcessing = "1.2.840.10008.5.1.4.1.1.14.2"
NuclearMedicineImageStorage = "1.2.840.10008.5.1.4.1.1.20"
ParametricMapStorage = "1.2.840.10008.5.1.4.1.1.30"
RawDataStorage = "1.2.840.10008.5.1.4.1.1.66"
SpatialRegistrationStorage = "1.2.840.10008.5.1.4.1.1.66.1"
SpatialFiducialsStorage = "1.2.840.10008.5.1.4.1.1.66.2"
DeformableSpatialRegistrationStorage = "1.2.840.10008.5.1.4.1.1.66.3"
SegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4"
SurfaceSegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.5"
TractographyResultsStorage = "1.2.840.10008.5.1.4.1.1.66.6"
RealWorldValueMappingStorage = "1.2.840.10008.5.1.4.1.1.67"
SurfaceScanMeshStorage = "1.2.840.10008.5.1.4.1.1.68.1"
SurfaceScanPointCloudStorage = "1.2.840.10008.5.1.4.1.1.68.2"
VLImageStorageTrial = "1.2.840.10008.5.1.4.1.1.77.1"
VLMultiFrameImageStorageTrial = "1.2.840.10008.5.1.4.1.1.77.2"
VLEndoscopicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.1"
VideoEndoscopicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
VLMicroscopicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.2"
VideoMicroscopicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.2.1"
VLSlideCoordinatesMicroscopicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.3"
VLPhotographicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.4"
VideoPhotographicImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
OphthalmicPhotography8BitImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
OphthalmicPhotography16BitImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.2"
StereometricRelationshipStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.3"
OphthalmicTomographyImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.4"
WideFieldOphthalmicPhotographyStereographicProjectionImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.5"
WideFieldOphthalmicPhotography3DCoordinatesImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.6"
OphthalmicOpticalCoherenceTomographyEnFaceImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.7"
OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage = "1.2.840.10008.5.1.4.1.1.77.1.5.8"
VLWholeSlideMicroscopyImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.6"
DermoscopicPhotographyImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.7"
ConfocalMicroscopyImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.8"
ConfocalMicroscopyTiledPyramidalImageStorage = "1.2.840.10008.5.1.4.1.1.77.1.9"
LensometryMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.78.1"
AutorefractionMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.78.2"
KeratometryMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.78.3"
SubjectiveRefractionMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.78.4"
VisualAcuityMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.78.5"
SpectaclePrescriptionReportStorage = "1.2.840.10008.5.1.4.1.1.78.6"
OphthalmicAxialMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.78.7"
IntraocularLensCalculationsStorage = "1.2.840.10008.5.1.4.1.1.78.8"
MacularGridThicknessAndVolumeReportStorage = "1.2.840.10008.5.1.4.1.1.79.1"
OphthalmicVisualFieldStaticPerimetryMeasurementsStorage = "1.2.840.10008.5.1.4.1.1.80.1"
OphthalmicThicknessMapStorage = "1.2.840.10008.5.1.4.1.1.81.1"
CornealTopographyMapStorage = "1.2.840.10008.5.1.4.1.1.82.1"
TextSRStorageTrial = "1.2.840.10008.5.1.4.1.1.88.1"
AudioSRStorageTrial = "1.2.840.10008.5.1.4.1.1.88.2"
DetailSRStorageTrial = "1.2.840.10008.5.1.4.1.1.88.3"
ComprehensiveSRStorageTrial = "1.2.840.10008.5.1.4.1.1.88.4"
BasicTextSRStorage = "1.2.840.10008.5.1.4.1.1.88.11"
EnhancedSRStorage = "1.2.840.10008.5.1.4.1.1.88.22"
ComprehensiveSRStorage = "1.2.840.10008.5.1.4.1.1.88.33"
Comprehensive3DSRStorage = "1.2.840.10008.5.1.4.1.1.88.34"
ExtensibleSRStorage = "1.2.840.10008.5.1.4.1.1.88.35"
ProcedureLogStorage = "1.2.840.10008.5.1.4.1.1.88.40"
MammographyCADSRStorage = "1.2.840.10008.5.1.4.1.1.88.50"
KeyObjectSelectionDocumentStorage = "1.2.840.10008.5.1.4.1.1.88.59"
ChestCADSRStorage = "1.2.840.10008.5.1.4.1.1.88.65"
XRayRadiationDoseSRStorage = "1.2.840.10008.5.1.4.1.1.88.67"
RadiopharmaceuticalRadiationDoseSRStorage = "1.2.840.10008.5.1.4.1.1.88.68"
ColonCADSRStorage = "1.2.840.10008.5.1.4.1.1.88.69"
ImplantationPlanSRStorage = "1.2.840.10008.5.1.4.1.1.88.70"
AcquisitionContextSRStorage = "1.2.840.10008.5.1.4.1.1.88.71"
SimplifiedAdultEchoSRStorage = "1.2.840.10008.5.1.4.1.1.88.72"
PatientRadiationDoseSRStorage = "1.2.840.10008.5.1.4.1.1.88.73"
PlannedImagingAgentAdministrationSRStorage = "1.2.840.10008.5.1.4.1.1.88.74"
PerformedImagingAgentAdministrationSRStorage = "1.2.840.10008.5.1.4.1.1.88.75"
EnhancedXRayRadiationDoseSRStorage = "1.2.840.10008.5.1.4.1.1.88.76"
WaveformAnnotationSRStorage = "1.2.840.10008.5.1.4.1.1.88.77"
ContentAssessmentResultsStorage = "1.2.840.10008.5.1.4.1.1.90.1"
MicroscopyBulkSimpleAnnotationsStorage = "1.2.840.10008.5.1.4.1.1.91.1"
EncapsulatedPDFStorage = "1.2.840.10008.5.1.4.1.1.104.1"
EncapsulatedCDAStorage = "1.2.840.10008.5.1.4.1.1.104.2"
EncapsulatedSTLStorage = "1.2.840.10008.5.1.4.1.1.104.3"
EncapsulatedOBJStorage = "1.2.840.10008.5.1.4.1.1.104.4"
EncapsulatedMTLStorage = "1.2.840.10008.5.1.4.1.1.104.5"
PositronEmissionTomographyImageStorage = "1.2.840.10008.5.1.4.1.1.128"
LegacyConvertedEnhancedPETImageStorage = "1.2.840.10008.5.1.4.1.1.128.1"
StandalonePETCurveStorage = "1.2.840.10008.5.1.4.1.1.129"
EnhancedPETImageStorage = "1.2.840.10008.5.1.4.1.1.130"
BasicStructuredDisplayStorage = "1.2.840.10008.5.1.4.1.1.131"
CTDefinedProcedureProtocolStorage = "1.2.840.10008.5.1.4.1.1.200.1"
CTPerformedProcedureProtocolStorage = "1.2.840.10008.5.1.4.1.1.200.2"
ProtocolApprovalStorage = "1.2.840.10008.5.1.4.1.1.200.3"
ProtocolApprovalInformationModelFind = "1.2.840.10008.5.1.4.1.1.200.4"
ProtocolApprovalInformationModelMove = "1.2.840.10008.5.1.4.1.1.200.5"
ProtocolApprovalInformationModelGet = "1.2.840.10008.5.1.4.1.1.200.6"
XADefinedProcedureProtocolStorage = "1.2.840.10008.5.1.4.1.1.200.7"
XAPerformedProcedureProtocolStorage = "1.2.840.10008.5.1.4.1.1.200.8"
InventoryStorage = "1.2.840.10008.5.1.4.1.1.201.1"
InventoryFind = "1.2.840.10008.5.1.4.1.1.201.2"
InventoryMove = "1.2.840.10008.5.1.4.1.1.201.3"
InventoryGet = "1.2.840.10008.5.1.4.1.1.201.4"
InventoryCreation = "1.2.840.10008.5.1.4.1.1.201.5"
RepositoryQuery = "1.2.840.10008.5.1.4.1.1.201.6"
StorageManagementInstance = "1.2.840.10008.5.1.4.1.1.201.1.1"
RTImageStorage = "1.2.840.10008.5.1.4.1.1.481.1"
RTDoseStorage = "1.2.840.10008.5.1.4.1.1.481.2"
RTStructureSetStorage = "1.2.840.10008.5.1.4.1.1.481.3"
RTBeamsTreatmentRecordStorage = "1.2.840.10008.5.1.4.1.1.481.4"
RTPlanStorage = "1.2.840.10008.5.1.4.1.1.481.5"
RTBrachyTreatmentRecordStorage = "1.2.840.10008.5.1.4.1.1.481.6"
RTTreatmentSummaryRecordStorage = "1.2.840.10008.5.1.4.1.1.481.7"
RTIonPlanStorage = "1.2.840.10008.5.1.4.1.1.481.8"
RTIonBeamsTreatmentRecordStorage = "1.2.840.10008.5.1.4.1.1.481.9"
RTPhysicianIntentStorage = "1.2.840.10008.5.1.4.1.1.481.10"
RTSegmentAnnotationStorage = "1.2.840.10008.5.1.4.1.1.481.11"
RTRadiationSetStorage = "1.2.840.10008.5.1.4.1.1.481.12"
CArmPhotonElectronRadiationStorage = "1.2.840.10008.5.1.4.1.1.481.13"
TomotherapeuticRadiationStorage = "1.2.840.10008.5.1.4.1.1.481.14"
RoboticArmRadiationStorage = "1.2.840.10008.5.1.4.1.1.481.15"
RTRadiationRecordSetStorage = "1.2.840.10008.5.1.4.1.1.481.16"
RTRadiationSalvageRecordStorage = "1.2.840.10008.5.1.4.1.1.481.17"
TomotherapeuticRadiationRecordStorage = "1.2.840.10008.5.1.4.1.1.481.18"
CArmPhotonElectronRadiationRecordStorage = "1.2.840.10008.5.1.4.1.1.481.19"
RoboticRadiationRecordStorage = "1.2.840.10008.5.1.4.1.1.481.20"
RTRadiationSetDeliveryInstructionStorage = "1.2.840.10008.5.1.4.1.1.481.21"
RTTreatmentPreparationStorage = "1.2.840.10008.5.1.4.1.1.481.22"
EnhancedRTImageStorage = "1.2.840.10008.5.1.4.1.1.481.23"
EnhancedContinuousRTImageStorage = "1.2.840.10008.5.1.4.1.1.481.24"
RTPatientPositionAcquisitionInstructionStorage = "1.2.840.10008.5.1.4.1.1.481.25"
DICOSCTImageStorage = "1.2.840.10008.5.1.4.1.1.501.1"
DICOSDigitalXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.501.2.1"
DICOSDigitalXRayImageStorageForProcessing = "1.2.840.10008.5.1.4.1.1.501.2.2"
DICOSThreatDetectionReportStorage = "1.2.840.10008.5.1.4.1.1.501.3"
DICOS2DAITStorage = "1.2.840.10008.5.1.4.1.1.501.4"
DICOS3DAITStorage = "1.2.840.10008.5.1.4.1.1.501.5"
DICOSQuadrupoleResonanceStorage = "1.2.840.10008.5.1.4.1.1.501.6"
EddyCurrentImageStorage = "1.2.840.10008.5.1.4.1.1.601.1"
EddyCurrentMultiFrameImageStorage = "1.2.840.10008.5.1.4.1.1.601.2"
PatientRootQueryRetrieveInformationModelFind = "1.2.840.10008.5.1.4.1.2.1.1"
PatientRootQueryRetrieveInformationModelMove = "1.2.840.10008.5.1.4.1.2.1.2"
PatientRootQueryRetrieveInformationModelGet = "1.2.840.10008.5.1.4.1.2.1.3"
StudyRootQueryRetrieveInformationModelFind = "1.2.840.10008.5.1.4.1.2.2.1"
StudyRootQueryRetrieveInformationModelMove = "1.2.840.10008.5.1.4.1.2.2.2"
StudyRootQueryRetrieveInformationModelGet = "1.2.840.10008.5.1.4.1.2.2.3"
PatientStudyOnlyQueryRetrieveInformationModelFind = "1.2.840.10008.5.1.4.1.2.3.1"
PatientStudyOnlyQueryRetrieveInformationModelMove = "1.2.840.10008.5.1.4.1.2.3.2"
PatientStudyOnlyQueryRetrieveInformationModelGet = "1.2.840.10008.5.1.4.1.2.3.3"
CompositeInstanceRootRetrieveMove = "1.2.840.10008.5.1.4.1.2.4.2"
CompositeInstanceRootRetrieveGet = "1.2.840.10008.5.1.4.1.2.4.3"
CompositeInstanceRetrieveWithoutBulkDataGet = "1.2.840.10008.5.1.4.1.2.5.3"
DefinedProcedureProtocolInformationModelFind = "1.2.840.10008.5.1.4.20.1"
DefinedProcedureProtocolInformationModelMove = "1.2.840.10008.5.1.4.20.2"
DefinedProcedureProtocolInformationModelGet = "1.2.840.10008.5.1.4.20.3"
ModalityWorklistInformationModelFind = "1.2.840.10008.5.1.4.31"
GeneralPurposeWorklistManagementMeta = "1.2.840.10008.5.1.4.32"
GeneralPurposeWorklistInformationModelFind = "1.2.840.10008.5.1.4.32.1"
GeneralPurposeScheduledProcedureStep = "1.2.840.10008.5.1.4.32.2"
GeneralPurposePerformedProcedureStep = "1.2.840.10008.5.1.4.32.3"
InstanceAvailabilityNotification = "1.2.840.10008.5.1.4.33"
RTBeamsDeliveryInstructionStorageTrial = "1.2.840.10008.5.1.4.34.1"
RTConventionalMachineVerificationTrial = "1.2.840.10008.5.1.4.34.2"
RTIonMachineVerificationTrial = "1.2.840.10008.5.1.4.34.3"
UnifiedProcedureStepPushTrial = "1.2.840.10008.5.1.4.34.4.1"
UnifiedProcedureStepWatchTrial = "1.2.840.10008.5.1.4.34.4.2"
UnifiedProcedureStepPullTrial = "1.2.840.10008.5.1.4.34.4.3"
UnifiedProcedureStepEventTrial = "1.2.840.10008.5.1.4.34.4.4"
UPSGlobalSubscriptionInstance = "1.2.840.10008.5.1.4.34.5"
UPSFilteredGlobalSubscriptionInstance = "1.2.840.10008.5.1.4.34.5.1"
UnifiedProcedureStepPush = "1.2.840.10008.5.1.4.34.6.1"
UnifiedProcedureStepWatch = "1.2.840.10008.5.1.4.34.6.2"
UnifiedProcedureStepPull = "1.2.840.10008.5.1.4.34.6.3"
UnifiedProcedureStepEvent = "1.2.840.10008.5.1.4.34.6.4"
UnifiedProcedureStepQuery = "1.2.840.10008.5.1.4.34.6.5"
RTBeamsDeliveryInstructionStorage = "1.2.840.10008.5.1.4.34.7"
RTConventionalMachineVerification = "1.2.840.10008.5.1.4.34.8"
RTIonMachineVerification = "1.2.840.10008.5.1.4.34.9"
RTBrachyApplicationSetupDeliveryInstructionStorage = "1.2.840.10008.5.1.4.34.10"
GeneralRelevantPatientInformationQuery = "1.2.840.10008.5.1.4.37.1"
BreastImagingRelevantPatientInformationQuery = "1.2.840.10008.5.1.4.37.2"
CardiacRelevantPatientInformationQuery = "1.2.840.10008.5.1.4.37.3"
HangingProtocolStorage = "1.2.840.10008.5.1.4.38.1"
HangingProtocolInformationModelFind = "1.2.840.10008.5.1.4.38.2"
HangingProtocolInformationModelMove = "1.2.840.10008.5.1.4.38.3"
HangingProtocolInformationModelGet = "1.2.840.10008.5.1.4.38.4"
ColorPaletteStorage = "1.2.840.10008.5.1.4.39.1"
ColorPaletteQueryRetrieveInformationModelFind = "1.2.840.10008.5.1.4.39.2"
ColorPaletteQueryRetrieveInformationModelMove = "1.2.840.10008.5.1.4.39.3"
ColorPaletteQueryRetrieveInformationModelGet = "1.2.840.10008.5.1.4.39.4"
ProductCharacteristicsQuery = "1.2.840.10008.5.1.4.41"
SubstanceApprovalQuery = "1.2.840.10008.5.1.4.42"
GenericImplantTemplateStorage = "1.2.840.10008.5.1.4.43.1"
GenericImplantTemplateInformationModelFind = "1.2.840.10008.5.1.4.43.2"
GenericImplantTemplateInformationModelMove = "1.2.840.10008.5.1.4.43.3"
GenericImplantTemplateInformationModelGet = "1.2.840.10008.5.1.4.43.4"
ImplantAssemblyTemplateStorage = "1.2.840.10008.5.1.4.44.1"
ImplantAssemblyTemplateInformationModelFind = "1.2.840.10008.5.1.4.44.2"
ImplantAssemblyTemplateInformationModelMove = "1.2.840.10008.5.1.4.44.3"
ImplantAssemblyTemplateInformationModelGet = "1.2.840.10008.5.1.4.44.4"
ImplantTemplateGroupStorage = "1.2.840.10008.5.1.4.45.1"
ImplantTemplateGroupInformationModelFind = "1.2.840.10008.5.1.4.45.2"
ImplantTemplateGroupInformationModelMove = "1.2.840.10008.5.1.4.45.3"
ImplantTemplateGroupInformationModelGet = "1.2.840.10008.5.1.4.45.4"
VideoEndoscopicImageRealTimeCommunication = "1.2.840.10008.10.1"
VideoPhotographicImageRealTimeCommunication = "1.2.840.10008.10.2"
AudioWaveformRealTimeCommunication = "1.2.840.10008.10.3"
RenditionSelectionDocumentRealTimeCommunication = "1.2.840.10008.10.4"

# UID: keyword
SOP_CLASSES: dict[str, str] = {
    Verification: "Verification",
    MediaStorageDirectoryStorage: "MediaStorageDirectoryStorage",
    BasicStudyContentNotification: "BasicStudyContentNotification",
    StorageCommitmentPushModel: "StorageCommitmentPushModel",
    StorageCommitmentPullModel: "StorageCommitmentPullModel",
    ProceduralEventLogging: "ProceduralEventLogging",
    SubstanceAdministrationLogging: "SubstanceAdministrationLogging",
    DetachedPatientManagement: "DetachedPatientManagement",
    DetachedVisitManagement: "DetachedVisitManagement",
    DetachedStudyManagement: "DetachedStudyManagement",
    StudyComponentManagement: "StudyComponentManagement",
    ModalityPerformedProcedureStep: "ModalityPerformedProcedureStep",
    ModalityPerformedProcedureStepRetrieve: "ModalityPerformedProcedureStepRetrieve",
    ModalityPerformedProcedureStepNotification: "ModalityPerformedProcedureStepNotification",
    DetachedResultsManagement: "DetachedResultsManagement",
    DetachedInterpretationManagement: "DetachedInterpretationManagement",
    BasicFilmSession: "BasicFilmSession",
    BasicFilmBox: "BasicFilmBox",
    BasicGrayscaleImageBox: "BasicGrayscaleImageBox",
    BasicColorImageBox: "BasicColorImageBox",
    ReferencedImageBox: "ReferencedImageBox",
    PrintJob: "PrintJob",
    BasicAnnotationBox: "BasicAnnotationBox",
    Printer: "Printer",
    PrinterConfigurationRetrieval: "PrinterConfigurationRetrieval",
    VOILUTBox: "VOILUTBox",
    PresentationLUT: "PresentationLUT",
    ImageOverlayBox: "ImageOverlayBox",
    BasicPrintImageOverlayBox: "BasicPrintImageOverlayBox",
    PrintQueueManagement: "PrintQueueManagement",
    StoredPrintStorage: "StoredPrintStorage",
    HardcopyGrayscaleImageStorage: "HardcopyGrayscaleImageStorage",
    HardcopyColorImageStorage: "HardcopyColorImageStorage",
    PullPrintRequest: "PullPrintRequest",
    MediaCreationManagement: "MediaCreationManagement",
    DisplaySystem: "DisplaySystem",
    ComputedRadiographyImageStorage: "ComputedRadiographyImageStorage",
    DigitalXRayImageStorageForPresentation: "DigitalXRayImageStorageForPresentation",
    DigitalXRayImageStorageForProcessing: "DigitalXRayImageStorageForProcessing",
    DigitalMammographyXRayImageStorageForPresentation: "DigitalMammographyXRayImageStorageForPresentation",
    DigitalMammographyXRayImageStorageForProcessing: "DigitalMammographyXRayImageStorageForProcessing",
    DigitalIntraOralXRayImageStorageForPresentation: "DigitalIntraOralXRayImageStorageForPresentation",
    DigitalIntraOralXRayImageStorageForProcessing: "DigitalIntraOralXRayImageStorageForProcessing",
    CTImageStorage: "CTImageStorage",
    EnhancedCTImageStorage: "EnhancedCTImageStorage",
    LegacyConvertedEnhancedCTImageStorage: "LegacyConvertedEnhancedCTImageStorage",
    UltrasoundMultiFrameImageStorageRetired: "UltrasoundMultiFrameImageStorageRetired",
    UltrasoundMultiFrameImageStorage: "UltrasoundMultiFrameImageStorage",
    MRImageStorage: "MRImageStorage",
    EnhancedMRImageStorage: "EnhancedMRImageStorage",
    MRSpectroscopyStorage: "MRSpectroscopyStorage",
    EnhancedMRColorImageStorage: "EnhancedMRColorImageStorage",
    LegacyConvertedEnhancedMRImageStorage: "LegacyConvertedEnhancedMRImageStorage",
    NuclearMedicineImageStorageRetired: "NuclearMedicineImageStorageRetired",
    UltrasoundImageStorageRetired: "UltrasoundImageStorageRetired",
    UltrasoundImageStorage: "UltrasoundImageStorage",
    EnhancedUSVolumeStorage: "EnhancedUSVolumeStorage",
    PhotoacousticImageStorage: "PhotoacousticImageStorage",
    SecondaryCaptureImageStorage: "SecondaryCaptureImageStorage",
    MultiFrameSingleBitSecondaryCaptureImageStorage: "MultiFrameSingleBitSecondaryCaptureImageStorage",
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage: "MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage: "MultiFrameGrayscaleWordSecondaryCaptureImageStorage",
    MultiFrameTrueColorSecondaryCaptureImageStorage: "MultiFrameTrueColorSecondaryCaptureImageStorage",
    StandaloneOverlayStorage: "StandaloneOverlayStorage",
    StandaloneCurveStorage: "StandaloneCurveStorage",
    WaveformStorageTrial: "WaveformStorageTrial",
    TwelveLeadECGWaveformStorage: "TwelveLeadECGWaveformStorage",
    GeneralECGWaveformStorage: "GeneralECGWaveformStorage",
    AmbulatoryECGWaveformStorage: "AmbulatoryECGWaveformStorage",
    General32bitECGWaveformStorage: "General32bitECGWaveformStorage",
    HemodynamicWaveformStorage: "HemodynamicWaveformStorage",
    CardiacElectrophysiologyWaveformStorage: "CardiacElectrophysiologyWaveformStorage",
    BasicVoiceAudioWaveformStorage: "BasicVoiceAudioWaveformStorage",
    GeneralAudioWaveformStorage: "GeneralAudioWaveformStorage",
    ArterialPulseWaveformStorage: "ArterialPulseWaveformStorage",
    RespiratoryWaveformStorage: "RespiratoryWaveformStorage",
    MultichannelRespiratoryWaveformStorage: "MultichannelRespiratoryWaveformStorage",
    RoutineScalpElectroencephalogramWaveformStorage: "RoutineScalpElectroencephalogramWaveformStorage",
    ElectromyogramWaveformStorage: "ElectromyogramWaveformStorage",
    ElectrooculogramWaveformStorage: "ElectrooculogramWaveformStorage",
    SleepElectroencephalogramWaveformStorage: "SleepElectroencephalogramWaveformStorage",
    BodyPositionWaveformStorage: "BodyPositionWaveformStorage",
    StandaloneModalityLUTStorage: "StandaloneModalityLUTStorage",
    StandaloneVOILUTStorage: "StandaloneVOILUTStorage",
    GrayscaleSoftcopyPresentationStateStorage: "GrayscaleSoftcopyPresentationStateStorage",
    ColorSoftcopyPresentationStateStorage: "ColorSoftcopyPresentationStateStorage",
    PseudoColorSoftcopyPresentationStateStorage: "PseudoColorSoftcopyPresentationStateStorage",
    BlendingSoftcopyPresentationStateStorage: "BlendingSoftcopyPresentationStateStorage",
    XAXRFGrayscaleSoftcopyPresentationStateStorage: "XAXRFGrayscaleSoftcopyPresentationStateStorage",
    GrayscalePlanarMPRVolumetricPresentationStateStorage: "GrayscalePlanarMPRVolumetricPresentationStateStorage",
    CompositingPlanarMPRVolumetricPresentationStateStorage: "CompositingPlanarMPRVolumetricPresentationStateStorage",
    AdvancedBlendingPresentationStateStorage: "AdvancedBlendingPresentationStateStorage",
    VolumeRenderingVolumetricPresentationStateStorage: "VolumeRenderingVolumetricPresentationStateStorage",
    SegmentedVolumeRenderingVolumetricPresentationStateStorage: "SegmentedVolumeRenderingVolumetricPresentationStateStorage",
    MultipleVolumeRenderingVolumetricPresentationStateStorage: "MultipleVolumeRenderingVolumetricPresentationStateStorage",
    VariableModalityLUTSoftcopyPresentationStateStorage: "VariableModalityLUTSoftcopyPresentationStateStorage",
    XRayAngiographicImageStorage: "XRayAngiographicImageStorage",
    EnhancedXAImageStorage: "EnhancedXAImageStorage",
    XRayRadiofluoroscopicImageStorage: "XRayRadiofluoroscopicImageStorage",
    EnhancedXRFImageStorage: "EnhancedXRFImageStorage",
    XRayAngiographicBiPlaneImageStorage: "XRayAngiographicBiPlaneImageStorage",
    XRay3DAngiographicImageStorage: "XRay3DAngiographicImageStorage",
    XRay3DCraniofacialImageStorage: "XRay3DCraniofacialImageStorage",
    BreastTomosynthesisImageStorage: "BreastTomosynthesisImageStorage",
    BreastProjectionXRayImageStorageForPresentation: "BreastProjectionXRayImageStorageForPresentation",
    BreastProjectionXRayImageStorageForProcessing: "BreastProjectionXRayImageStorageForProcessing",
    IntravascularOpticalCoherenceTomographyImageStorageForPresentation: "IntravascularOpticalCoherenceTomographyImageStorageForPresentation",
    IntravascularOpticalCoherenceTomographyImageStorageForProcessing: "IntravascularOpticalCoherenceTomographyImageStorageForProcessing",
    NuclearMedicineImageStorage: "NuclearMedicineImageStorage",
    ParametricMapStorage: "ParametricMapStorage",
    RawDataStorage: "RawDataStorage",
    SpatialRegistrationStorage: "SpatialRegistrationStorage",
    SpatialFiducialsStorage: "SpatialFiducialsStorage",
    DeformableSpatialRegistrationStorage: "DeformableSpatialRegistrationStorage",
    SegmentationStorage: "SegmentationStorage",
    SurfaceSegmentationStorage: "SurfaceSegmentationStorage",
    TractographyResultsStorage: "TractographyResultsStorage",
    RealWorldValueMappingStorage: "RealWorldValueMappingStorage",
    SurfaceScanMeshStorage: "SurfaceScanMeshStorage",
    SurfaceScanPointCloudStorage: "SurfaceScanPointCloudStorage",
    VLImageStorageTrial: "VLImageStorageTrial",
    VLMultiFrameImageStorageTrial: "VLMultiFrameImageStorageTrial",
    VLEndoscopicImageStorage: "VLEndoscopicImageStorage",
    VideoEndoscopicImageStorage: "VideoEndoscopicImageStorage",
    VLMicroscopicImageStorage: "VLMicroscopicImageStorage",
    VideoMicroscopicImageStorage: "VideoMicroscopicImageStorage",
    VLSlideCoordinatesMicroscopicImageStorage: "VLSlideCoordinatesMicroscopicImageStorage",
    VLPhotographicImageStorage: "VLPhotographicImageStorage",
    VideoPhotographicImageStorage: "VideoPhotographicImageStorage",
    OphthalmicPhotography8BitImageStorage: "OphthalmicPhotography8BitImageStorage",
    OphthalmicPhotography16BitImageStorage: "OphthalmicPhotography16BitImageStorage",
    StereometricRelationshipStorage: "StereometricRelationshipStorage",
    OphthalmicTomographyImageStorage: "OphthalmicTomographyImageStorage",
    WideFieldOphthalmicPhotographyStereographicProjectionImageStorage: "WideFieldOphthalmicPhotographyStereographicProjectionImageStorage",
    WideFieldOphthalmicPhotography3DCoordinatesImageStorage: "WideFieldOphthalmicPhotography3DCoordinatesImageStorage",
    OphthalmicOpticalCoherenceTomographyEnFaceImageStorage: "OphthalmicOpticalCoherenceTomographyEnFaceImageStorage",
    OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage: "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage",
    VLWholeSlideMicroscopyImageStorage: "VLWholeSlideMicroscopyImageStorage",
    DermoscopicPhotographyImageStorage: "DermoscopicPhotographyImageStorage",
    ConfocalMicroscopyImageStorage: "ConfocalMicroscopyImageStorage",
    ConfocalMicroscopyTiledPyramidalImageStorage: "ConfocalMicroscopyTiledPyramidalImageStorage",
    LensometryMeasurementsStorage: "LensometryMeasurementsStorage",
    AutorefractionMeasurementsStorage: "AutorefractionMeasurementsStorage",
    KeratometryMeasurementsStorage: "KeratometryMeasurementsStorage",
    SubjectiveRefractionMeasurementsStorage: "SubjectiveRefractionMeasurementsStorage",
    VisualAcuityMeasurementsStorage: "VisualAcuityMeasurementsStorage",
    SpectaclePrescriptionReportStorage: "SpectaclePrescriptionReportStorage",
    OphthalmicAxialMeasurementsStorage: "OphthalmicAxialMeasurementsStorage",
    IntraocularLensCalculationsStorage: "IntraocularLensCalculationsStorage",
    MacularGridThicknessAndVolumeReportStorage: "MacularGridThicknessAndVolumeReportStorage",
    OphthalmicVisualFieldStaticPerimetryMeasurementsStorage: "OphthalmicVisualFieldStaticPerimetryMeasurementsStorage",
    OphthalmicThicknessMapStorage: "OphthalmicThicknessMapStorage",
    CornealTopographyMapStorage: "CornealTopographyMapStorage",
    TextSRStorageTrial: "TextSRStorageTrial",
    AudioSRStorageTrial: "AudioSRStorageTrial",
    DetailSRStorageTrial: "DetailSRStorageTrial",
    ComprehensiveSRStorageTrial: "ComprehensiveSRStorageTrial",
    BasicTextSRStorage: "BasicTextSRStorage",
    EnhancedSRStorage: "EnhancedSRStorage",
    ComprehensiveSRStorage: "ComprehensiveSRStorage",
    Comprehensive3DSRStorage: "Comprehensive3DSRStorage",
    ExtensibleSRStorage: "ExtensibleSRStorage",
    ProcedureLogStorage: "ProcedureLogStorage",
    MammographyCADSRStorage: "MammographyCADSRStorage",
    KeyObjectSelectionDocumentStorage: "KeyObjectSelectionDocumentStorage",
    ChestCADSRStorage: "ChestCADSRStorage",
    XRayRadiationDoseSRStorage: "XRayRadiationDoseSRStorage",
    RadiopharmaceuticalRadiationDoseSRStorage: "RadiopharmaceuticalRadiationDoseSRStorage",
    ColonCADSRStorage: "ColonCADSRStorage",
    ImplantationPlanSRStorage: "ImplantationPlanSRStorage",
    AcquisitionContextSRStorage: "AcquisitionContextSRStorage",
    SimplifiedAdultEchoSRStorage: "SimplifiedAdultEchoSRStorage",
    PatientRadiationDoseSRStorage: "PatientRadiationDoseSRStorage",
    PlannedImagingAgentAdministrationSRStorage: "PlannedImagingAgentAdministrationSRStorage",
    PerformedImagingAgentAdministrationSRStorage: "PerformedImagingAgentAdministrationSRStorage",
    EnhancedXRayRadiationDoseSRStorage: "EnhancedXRayRadiationDoseSRStorage",
    WaveformAnnotationSRStorage: "WaveformAnnotationSRStorage",
    ContentAssessmentResultsStorage: "ContentAssessmentResultsStorage",
    MicroscopyBulkSimpleAnnotationsStorage: "MicroscopyBulkSimpleAnnotationsStorage",
    EncapsulatedPDFStorage: "EncapsulatedPDFStorage",
    EncapsulatedCDAStorage: "EncapsulatedCDAStorage",
    EncapsulatedSTLStorage: "EncapsulatedSTLStorage",
    EncapsulatedOBJStorage: "EncapsulatedOBJStorage",
    EncapsulatedMTLStorage: "EncapsulatedMTLStorage",
    PositronEmissionTomographyImageStorage: "PositronEmissionTomographyImageStorage",
    LegacyConvertedEnhancedPETImageStorage: "LegacyConvertedEnhancedPETImageStorage",
    StandalonePETCurveStorage: "StandalonePETCurveStorage",
    EnhancedPETImageStorage: "EnhancedPETImageStorage",
    BasicStructuredDisplayStorage: "BasicStructuredDisplayStorage",
    CTDefinedProcedureProtocolStorage: "CTDefinedProcedureProtocolStorage",
    CTPerformedProcedureProtocolStorage: "CTPerformedProcedureProtocolStorage",
    ProtocolApprovalStorage: "ProtocolApprovalStorage",
    ProtocolApprovalInformationModelFind: "ProtocolApprovalInformationModelFind",
    ProtocolApprovalInformationModelMove: "ProtocolApprovalInformationModelMove",
    ProtocolApprovalInformationModelGet: "ProtocolApprovalInformationModelGet",
    XADefinedProcedureProtocolStorage: "XADefinedProcedureProtocolStorage",
    XAPerformedProcedureProtocolStorage: "XAPerformedProcedureProtocolStorage",
    InventoryStorage: "InventoryStorage",
    InventoryFind: "InventoryFind",
    InventoryMove: "InventoryMove",
    InventoryGet: "InventoryGet",
    InventoryCreation: "InventoryCreation",
    RepositoryQuery: "RepositoryQuery",
    RTImageStorage: "RTImageStorage",
    RTDoseStorage: "RTDoseStorage",
    RTStructureSetStorage: "RTStructureSetStorage",
    RTBeamsTreatmentRecordStorage: "RTBeamsTreatmentRecordStorage",
    RTPlanStorage: "RTPlanStorage",
    RTBrachyTreatmentRecordStorage: "RTBrachyTreatmentRecordStorage",
    RTTreatmentSummaryRecordStorage: "RTTreatmentSummaryRecordStorage",
    RTIonPlanStorage: "RTIonPlanStorage",
    RTIonBeamsTreatmentRecordStorage: "RTIonBeamsTreatmentRecordStorage",
    RTPhysicianIntentStorage: "RTPhysicianIntentStorage",
    RTSegmentAnnotationStorage: "RTSegmentAnnotationStorage",
    RTRadiationSetStorage: "RTRadiationSetStorage",
    CArmPhotonElectronRadiationStorage: "CArmPhotonElectronRadiationStorage",
    TomotherapeuticRadiationStorage: "TomotherapeuticRadiationStorage",
    RoboticArmRadiationStorage: "RoboticArmRadiationStorage",
    RTRadiationRecordSetStorage: "RTRadiationRecordSetStorage",
    RTRadiationSalvageRecordStorage: "RTRadiationSalvageRecordStorage",
    TomotherapeuticRadiationRecordStorage: "TomotherapeuticRadiationRecordStorage",
    CArmPhotonElectronRadiationRecordStorage: "CArmPhotonElectronRadiationRecordStorage",
    RoboticRadiationRecordStorage: "RoboticRadiationRecordStorage",
    RTRadiationSetDeliveryInstructionStorage: "RTRadiationSetDeliveryInstructionStorage",
    RTTreatmentPreparationStorage: "RTTreatmentPreparationStorage",
    EnhancedRTImageStorage: "EnhancedRTImageStorage",
    EnhancedContinuousRTImageStorage: "EnhancedContinuousRTImageStorage",
    RTPatientPositionAcquisitionInstructionStorage: "RTPatientPositionAcquisitionInstructionStorage",
    DICOSCTImageStorage: "DICOSCTImageStorage",
    DICOSDigitalXRayImageStorageForPresentation: "DICOSDigitalXRayImageStorageForPresentation",
    DICOSDigitalXRayImageStorageForProcessing: "DICOSDigitalXRayImageStorageForProcessing",
    DICOSThreatDetectionReportStorage: "DICOSThreatDetectionReportStorage",
    DICOS2DAITStorage: "DICOS2DAITStorage",
    DICOS3DAITStorage: "DICOS3DAITStorage",
    DICOSQuadrupoleResonanceStorage: "DICOSQuadrupoleResonanceStorage",
    EddyCurrentImageStorage: "EddyCurrentImageStorage",
    EddyCurrentMultiFrameImageStorage: "EddyCurrentMultiFrameImageStorage",
    PatientRootQueryRetrieveInformationModelFind: "PatientRootQueryRetrieveInformationModelFind",
    PatientRootQueryRetrieveInformationModelMove: "PatientRootQueryRetrieveInformationModelMove",
    PatientRootQueryRetrieveInformationModelGet: "PatientRootQueryRetrieveInformationModelGet",
    StudyRootQueryRetrieveInformationModelFind: "StudyRootQueryRetrieveInformationModelFind",
    StudyRootQueryRetrieveInformationModelMove: "StudyRootQueryRetrieveInformationModelMove",
    StudyRootQueryRetrieveInformationModelGet: "StudyRootQueryRetrieveInformationModelGet",
    PatientStudyOnlyQueryRetrieveInformationModelFind: "PatientStudyOnlyQueryRetrieveInformationModelFind",
    PatientStudyOnlyQueryRetrieveInformationModelMove: "PatientStudyOnlyQueryRetrieveInformationModelMove",
    PatientStudyOnlyQueryRetrieveInformationModelGet: "PatientStudyOnlyQueryRetrieveInformationModelGet",
    CompositeInstanceRootRetrieveMove: "CompositeInstanceRootRetrieveMove",
    CompositeInstanceRootRetrieveGet: "CompositeInstanceRootRetrieveGet",
    CompositeInstanceRetrieveWithoutBulkDataGet: "CompositeInstanceRetrieveWithoutBulkDataGet",
    DefinedProcedureProtocolInformationModelFind: "DefinedProcedureProtocolInformationModelFind",
    DefinedProcedureProtocolInformationModelMove: "DefinedProcedureProtocolInformationModelMove",
    DefinedProcedureProtocolInformationModelGet: "DefinedProcedureProtocolInformationModelGet",
    ModalityWorklistInformationModelFind: "ModalityWorklistInformationModelFind",
    GeneralPurposeWorklistInformationModelFind: "GeneralPurposeWorklistInformationModelFind",
    GeneralPurposeScheduledProcedureStep: "GeneralPurposeScheduledProcedureStep",
    GeneralPurposePerformedProcedureStep: "GeneralPurposePerformedProcedureStep",
    InstanceAvailabilityNotification: "InstanceAvailabilityNotification",
    RTBeamsDeliveryInstructionStorageTrial: "RTBeamsDeliveryInstructionStorageTrial",
    RTConventionalMachineVerificationTrial: "RTConventionalMachineVerificationTrial",
    RTIonMachineVerificationTrial: "RTIonMachineVerificationTrial",
    UnifiedProcedureStepPushTrial: "UnifiedProcedureStepPushTrial",
    UnifiedProcedureStepWatchTrial: "UnifiedProcedureStepWatchTrial",
    UnifiedProcedureStepPullTrial: "UnifiedProcedureStepPullTrial",
    UnifiedProcedureStepEventTrial: "UnifiedProcedureStepEventTrial",
    UnifiedProcedureStepPush: "UnifiedProcedureStepPush",
    UnifiedProcedureStepWatch: "UnifiedProcedureStepWatch",
    UnifiedProcedureStepPull: "UnifiedProcedureStepPull",
    UnifiedProcedureStepEvent: "UnifiedProcedureStepEvent",
    UnifiedProcedureStepQuery: "UnifiedProcedureStepQuery",
    RTBeamsDeliveryInstructionStorage: "RTBeamsDeliveryInstructionStorage",
    RTConventionalMachineVerification: "RTConventionalMachineVerification",
    RTIonMachineVerification: "RTIonMachineVerification",
    RTBrachyApplicationSetupDeliveryInstructionStorage: "RTBrachyApplicationSetupDeliveryInstructionStorage",
    GeneralRelevantPatientInformationQuery: "GeneralRelevantPatientInformationQuery",
    BreastImagingRelevantPatientInformationQuery: "BreastImagingRelevantPatientInformationQuery",
    CardiacRelevantPatientInformationQuery: "CardiacRelevantPatientInformationQuery",
    HangingProtocolStorage: "HangingProtocolStorage",
    HangingProtocolInformationModelFind: "HangingProtocolInformationModelFind",
    HangingProtocolInformationModelMove: "HangingProtocolInformationModelMove",
    HangingProtocolInformationModelGet: "HangingProtocolInformationModelGet",
    ColorPaletteStorage: "ColorPaletteStorage",
    ColorPaletteQueryRetrieveInformationModelFind: "ColorPaletteQueryRetrieveInformationModelFind",
    ColorPaletteQueryRetrieveInformationModelMove: "ColorPaletteQueryRetrieveInformationModelMove",
    ColorPaletteQueryRetrieveInformationModelGet: "ColorPaletteQueryRetrieveInformationModelGet",
    ProductCharacteristicsQuery: "ProductCharacteristicsQuery",
    SubstanceApprovalQuery: "SubstanceApprovalQuery",
    GenericImplantTemplateStorage: "GenericImplantTemplateStorage",
    GenericImplantTemplateInformationModelFind: "GenericImplantTemplateInformationModelFind",
    GenericImplantTemplateInformationModelMove: "GenericImplantTemplateInformationModelMove",
    GenericImplantTemplateInformationModelGet: "GenericImplantTemplateInformationModelGet",
    ImplantAssemblyTemplateStorage: "ImplantAssemblyTemplateStorage",
    ImplantAssemblyTemplateInformationModelFind: "ImplantAssemblyTemplateInformationModelFind",
    ImplantAssemblyTemplateInformationModelMove: "ImplantAssemblyTemplateInformationModelMove",
    ImplantAssemblyTemplateInformationModelGet: "ImplantAssemblyTemplateInformationModelGet",
    ImplantTemplateGroupStorage: "ImplantTemplateGroupStorage",
    ImplantTemplateGroupInformationModelFind: "ImplantTemplateGroupInformationModelFind",
    ImplantTemplateGroupInformationModelMove: "ImplantTemplateGroupInformationModelMove",
    ImplantTemplateGroupInformationModelGet: "ImplantTemplateGroupInformationModelGet",
    VideoEndoscopicImageRealTimeCommunication: "VideoEndoscopicImageRealTimeCommunication",
    VideoPhotographicImageRealTimeCommunication: "VideoPhotographicImageRealTimeCommunication",
    AudioWaveformRealTimeCommunication: "AudioWaveformRealTimeCommunication",
    RenditionSelectionDocumentRealTimeCommunication: "RenditionSelectionDocumentRealTimeCommunication",
}
TRANSFER_SYNTAXES: dict[str, str] = {
    ImplicitVRLittleEndian: "ImplicitVRLittleEndian",
    ExplicitVRLittleEndian: "ExplicitVRLittleEndian",
    EncapsulatedUncompressedExplicitVRLittleEndian: "EncapsulatedUncompressedExplicitVRLittleEndian",
    DeflatedExplicitVRLittleEndian: "DeflatedExplicitVRLittleEndian",
    ExplicitVRBigEndian: "ExplicitVRBigEndian",
    JPEGBaseline8Bit: "JPEGBaseline8Bit",
    JPEGExtended12Bit: "JPEGExtended12Bit",
    JPEGExtended35: "JPEGExtended35",
    JPEGSpectralSelectionNonHierarchical68: "JPEGSpectralSelectionNonHierarchical68",
    JPEGSpectralSelectionNonHierarchical79: "JPEGSpectralSelectionNonHierarchical79",
    JPEGFullProgressionNonHierarchical1012: "JPEGFullProgressionNonHierarchical1012",
    JPEGFullProgressionNonHierarchical1113: "JPEGFullProgressionNonHierarchical1113",
    JPEGLossless: "JPEGLossless",
    JPEGLosslessNonHierarchical15: "JPEGLosslessNonHierarchical15",
    JPEGExtendedHierarchical1618: "JPEGExtendedHierarchical1618",
    JPEGExtendedHierarchical1719: "JPEGExtendedHierarchical1719",
    JPEGSpectralSelectionHierarchical2022: "JPEGSpectralSelectionHierarchical2022",
    JPEGSpectralSelectionHierarchical2123: "JPEGSpectralSelectionHierarchical2123",
    JPEGFullProgressionHierarchical2426: "JPEGFullProgressionHierarchical2426",
    JPEGFullProgressionHierarchical2527: "JPEGFullProgressionHierarchical2527",
    JPEGLosslessHierarchical28: "JPEGLosslessHierarchical28",
    JPEGLosslessHierarchical29: "JPEGLosslessHierarchical29",
    JPEGLosslessSV1: "JPEGLosslessSV1",
    JPEGLSLossless: "JPEGLSLossless",
    JPEGLSNearLossless: "JPEGLSNearLossless",
    JPEG2000Lossless: "JPEG2000Lossless",
    JPEG2000: "JPEG2000",
    JPEG2000MCLossless: "JPEG2000MCLossless",
    JPEG2000MC: "JPEG2000MC",
    JPIPReferenced: "JPIPReferenced",
    JPIPReferencedDeflate: "JPIPReferencedDeflate",
    MPEG2MPML: "MPEG2MPML",
    MPEG2MPMLF: "MPEG2MPMLF",
    MPEG2MPHL: "MPEG2MPHL",
    MPEG2MPHLF: "MPEG2MPHLF",
    MPEG4HP41: "MPEG4HP41",
    MPEG4HP41F: "MPEG4HP41F",
    MPEG4HP41BD: "MPEG4HP41BD",
    MPEG4HP41BDF: "MPEG4HP41BDF",
    MPEG4HP422D: "MPEG4HP422D",
    MPEG4HP422DF: "MPEG4HP422DF",
    MPEG4HP423D: "MPEG4HP423D",
    MPEG4HP423DF: "MPEG4HP423DF",
    MPEG4HP42STEREO: "MPEG4HP42STEREO",
    MPEG4HP42STEREOF: "MPEG4HP42STEREOF",
    HEVCMP51: "HEVCMP51",
    HEVCM10P51: "HEVCM10P51",
    HTJ2KLossless: "HTJ2KLossless",
    HTJ2KLosslessRPCL: "HTJ2KLosslessRPCL",
    HTJ2K: "HTJ2K",
    JPIPHTJ2KReferenced: "JPIPHTJ2KReferenced",
    JPIPHTJ2KReferencedDeflate: "JPIPHTJ2KReferencedDeflate",
    RLELossless: "RLELossless",
    RFC2557MIMEEncapsulation: "RFC2557MIMEEncapsulation",
    XMLEncoding: "XMLEncoding",
    SMPTEST211020UncompressedProgressiveActiveVideo: "SMPTEST211020UncompressedProgressiveActiveVideo",
    SMPTEST211020UncompressedInterlacedActiveVideo: "SMPTEST211020UncompressedInterlacedActiveVideo",
    SMPTEST211030PCMDigitalAudio: "SMPTEST211030PCMDigitalAudio",
    Papyrus3ImplicitVRLittleEndian: "Papyrus3ImplicitVRLittleEndian",
}
